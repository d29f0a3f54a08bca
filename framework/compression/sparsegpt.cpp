// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/sparsegpt.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "framework/compression/column_sweep.hpp"
#include "framework/compression/sweep_plan.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::framework {
namespace {

using kernels::Matrix;
using kernels::MatrixView;
using kernels::SparseLayout;
using kernels::SparsityPattern;

/// The state of the sweep over the whole layer.
class SparseSweep {
 public:
  SparseSweep(MatrixView<const float> weight, const InverseHessian& inverse, const SparseLayout& layout)
      : layout_(layout), factor_(eigen_view(inverse.factor.view())), keep_(weight.rows, weight.cols) {
    const std::int64_t count = (weight.rows + tile_rows - 1) / tile_rows;
    tiles_.resize(static_cast<std::size_t>(count));
    codes_.resize(static_cast<std::size_t>(layout.grid ? count : 0));
    each_tile([&](std::size_t t, std::int64_t first) {
      const std::int64_t rows = std::min(tile_rows, weight.rows - first);
      tiles_[t] = load_tile(weight, inverse, first, rows);
      if (layout.grid) codes_[t] = std::make_unique<TileCodes>(*layout.grid, inverse, first, rows);
    });
  }

  void run(std::int64_t block) {
    const std::int64_t cols = layout_.cols;
    const std::int64_t group = layout_.grid ? layout_.group_size() : 1;
    const std::int64_t neighbours = std::max(1, layout_.pattern.of);
    for (std::int64_t begin = 0, end = 0; begin < cols; begin = end) {
      end = end_of_block(begin, block, cols, {group, neighbours});
      if (layout_.pattern.of == 0) choose_block(begin, end);
      each_tile([&](std::size_t t, std::int64_t first) { sweep(t, first, begin, end); });
    }
  }

  SparseWeight result() {
    SparseWeight out{Matrix<float>(layout_.rows, layout_.cols), std::move(keep_)};
    each_tile([&](std::size_t t, std::int64_t first) {
      for (std::int64_t r = 0; r < tiles_[t].rows(); ++r) {
        for (std::int64_t c = 0; c < layout_.cols; ++c) {
          out.weight.row(first + r)[c] = static_cast<float>(tiles_[t](r, c));
        }
      }
    });
    return out;
  }

  /// Codes [rows, cols] and grids [rows, groups] of the whole layer; after run().
  void pack(MatrixView<const std::uint8_t> keep, std::span<std::byte> packed) const {
    Matrix<std::uint8_t> codes(layout_.rows, layout_.cols);
    Matrix<kernels::GroupGrid> grids(layout_.rows, layout_.groups);
    each_tile([&](std::size_t t, std::int64_t first) {
      for (std::int64_t r = 0; r < tiles_[t].rows(); ++r) {
        std::copy_n(codes_[t]->codes(r), layout_.cols, codes.row(first + r));
        std::ranges::copy(codes_[t]->grids(r), grids.row(first + r));
      }
    });
    kernels::pack_sparse_codes(layout_, keep, codes.view(), grids.view(), packed);
  }

 private:
  template <class Body>
  void each_tile(const Body& body) const {
    kernels::parallel_for(static_cast<std::int64_t>(tiles_.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) body(static_cast<std::size_t>(t), t * tile_rows);
    });
  }

  float score(const Tile& tile, std::int64_t r, std::int64_t j) const {
    return pruning_score(tile(r, j), factor_(j, j));
  }

  /// The mask of columns [begin, end), of all rows.
  void choose_block(std::int64_t begin, std::int64_t end) {
    Matrix<float> scores(layout_.rows, end - begin);
    each_tile([&](std::size_t t, std::int64_t first) {
      for (std::int64_t r = 0; r < tiles_[t].rows(); ++r) {
        for (std::int64_t j = begin; j < end; ++j) scores.row(first + r)[j - begin] = score(tiles_[t], r, j);
      }
    });
    choose_columns(layout_.pattern, begin, scores.view(), keep_.view().cols_from(begin, end - begin));
  }

  /// The mask of the M neighbours that begin at column j, of one tile.
  void choose_neighbours(const Tile& tile, std::int64_t first, std::int64_t j) {
    const std::int64_t count = layout_.pattern.of;
    std::vector<float> scores(static_cast<std::size_t>(count));
    for (std::int64_t r = 0; r < tile.rows(); ++r) {
      for (std::int64_t i = 0; i < count; ++i) scores[static_cast<std::size_t>(i)] = score(tile, r, j + i);
      kernels::remove_lowest({scores.data(), 1, count}, count - layout_.pattern.kept,
                             {keep_.row(first + r) + j, 1, count});
    }
  }

  void sweep(std::size_t t, std::int64_t first, std::int64_t begin, std::int64_t end) {
    Tile& tile = tiles_[t];
    sweep_block(tile, factor_, begin, end, [&](std::int64_t j, double* column) {
      if (layout_.pattern.of != 0 && j % layout_.pattern.of == 0) choose_neighbours(tile, first, j);
      if (layout_.grid && j % layout_.group_size() == 0) codes_[t]->start_group(j / layout_.group_size(), tile);
      for (std::int64_t r = 0; r < tile.rows(); ++r) {
        if (keep_.row(first + r)[j] == 0) {
          column[r] = 0.0;
        } else if (layout_.grid) {
          column[r] = codes_[t]->round(r, j, column[r]);
        }
      }
    });
  }

  SparseLayout layout_;
  ConstRowMajorMap factor_;
  Matrix<std::uint8_t> keep_;
  std::vector<Tile> tiles_;
  std::vector<std::unique_ptr<TileCodes>> codes_;  ///< empty without a grid
};

}  // namespace

void detail::check_sparsegpt(MatrixView<const float> weight, const SweepInputs& inputs, const SparseLayout& layout,
                             const SparseGptSettings& settings) {
  VALIDATE(settings.block > 0, "SparseGPT cannot work in blocks of ", settings.block, " columns, use at least 1");
  EXPECT(inputs.inputs() == weight.cols, "a Hessian of ", inputs.inputs(), " inputs for ", weight.cols);
  EXPECT(inputs.natural(), "SparseGPT sweeps in natural order");
  EXPECT(layout.rows == weight.rows && layout.cols == weight.cols, layout.rows, " x ", layout.cols);
}

SparseWeight prune_sparsegpt(MatrixView<const float> weight, const InverseHessian& inverse, const SparseLayout& layout,
                             const SparseGptSettings& settings, std::span<std::byte> packed) {
  detail::check_sparsegpt(weight, inverse, layout, settings);
  SparseSweep sweep(weight, inverse, layout);
  sweep.run(settings.block);
  SparseWeight result = sweep.result();
  if (layout.grid) {
    sweep.pack(result.keep.view(), packed);
  } else {
    kernels::pack_sparse(layout, result.keep.view(), result.weight.view(), packed);
  }
  return result;
}

}  // namespace pare::framework
