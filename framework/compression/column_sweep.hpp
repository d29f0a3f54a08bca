// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>

#include "framework/compression/eigen_view.hpp"
#include "framework/compression/inverse_hessian.hpp"
#include "kernels/quantize/group_grid.hpp"

/// The sweep over the columns of a layer that GPTQ and SparseGPT share on the CPU; private to them.
///
/// Rows do not influence each other, so a layer is cut into tiles of tile_rows rows, whatever the number of threads:
/// each result has the same bits. A tile is column-major in sweep order, in binary64.

namespace pare::framework {

inline constexpr std::int64_t tile_rows = 64;

using Tile = Eigen::MatrixXd;  ///< [rows, K]

/// Rows [first, first + rows) of `weight` in sweep order, with the weights of dead inputs 0. Throws InputError when a
/// weight is not finite.
Tile load_tile(kernels::MatrixView<const float> weight, const InverseHessian& inverse, std::int64_t first,
               std::int64_t rows);

/// Fixes columns [begin, end) one by one: `fix(j, column)` replaces the weights of column j (a pointer to tile.rows()
/// values) by what is stored for them. The error of each is taken over by the columns to the right, at once within the
/// block and by one matrix product beyond it.
template <class Fix>
void sweep_block(Tile& tile, const ConstRowMajorMap& factor, std::int64_t begin, std::int64_t end, const Fix& fix) {
  Eigen::MatrixXd errors(tile.rows(), end - begin);
  for (std::int64_t j = begin; j < end; ++j) {
    auto error = errors.col(j - begin);
    error = tile.col(j);
    fix(j, tile.col(j).data());
    error = (error - tile.col(j)) / factor(j, j);
    for (std::int64_t k = j + 1; k < end; ++k) tile.col(k) -= factor(j, k) * error;
  }
  const std::int64_t beyond = tile.cols() - end;
  if (beyond > 0) tile.rightCols(beyond).noalias() -= errors * factor.block(begin, end, end - begin, beyond);
}

/// Codes and group grids of one tile, collected during a sweep.
class TileCodes {
 public:
  /// clip: the range of a group is shrunk where that lowers the error that the sweep counts, (w - q)^2 / U_jj^2.
  TileCodes(const kernels::Grid& grid, const InverseHessian& inverse, std::int64_t first_row, std::int64_t rows,
            bool clip = false);
  /// All rows and columns on this grid.
  TileCodes(const kernels::Grid& grid, const InverseHessian& inverse, std::int64_t rows,
            const kernels::GroupGrid& shared);

  /// Inputs that share a scale; the width of the layer when the whole row does.
  std::int64_t group_size() const { return group_size_; }
  std::int64_t groups() const { return groups_; }

  /// Sets the grids of group g, of all rows, from the weights that `tile` holds now (as binary32); nothing where all
  /// are on one grid.
  void start_group(std::int64_t g, const Tile& tile);

  /// Rounds `weight` (as binary32) of row r, column c of the layer to its grid; returns the value of the code.
  double round(std::int64_t r, std::int64_t c, double weight) {
    const auto value = static_cast<float>(weight);
    const kernels::GroupGrid& group = grids_[static_cast<std::size_t>(r * groups_ + c / group_size_)];
    std::uint8_t& code = codes_[static_cast<std::size_t>(r * cols_ + c)];
    kernels::round_group(&value, 1, group, grid_.bits, &code);
    return kernels::value_of(code, group);
  }

  std::span<const kernels::GroupGrid> grids(std::int64_t r) const {
    return std::span(grids_).subspan(static_cast<std::size_t>(r * groups_), static_cast<std::size_t>(groups_));
  }
  const std::uint8_t* codes(std::int64_t r) const { return codes_.data() + r * cols_; }

 private:
  kernels::Grid grid_;
  std::int64_t first_row_;
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t group_size_;
  std::int64_t groups_;
  bool shared_ = false;                 ///< all are on one grid
  std::vector<float> importance_;       ///< by column of the layer; empty: no clips
  std::vector<std::int64_t> position_;  ///< of a column of the layer in the sweep
  std::vector<kernels::GroupGrid> grids_;
  std::vector<std::uint8_t> codes_;
};

}  // namespace pare::framework
