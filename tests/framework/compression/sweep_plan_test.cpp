// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/sweep_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <tuple>
#include <vector>

#include "framework/compression/gptq.hpp"
#include "framework/compression/sparsegpt.hpp"
#include "framework/compression/sweep_inputs.hpp"
#include "kernels/quantize/packed_row.hpp"
#include "kernels/second_order/group_grids.hpp"
#include "tests/framework/compression/plain_algebra.hpp"
#include "tests/kernels/random_matrix.hpp"

/// The plan of sweeps on GPUs, carried out on the CPU by the plain halves of their kernels, against the CPU's own sweep.

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Grid;
using kernels::GroupGrid;
using kernels::Matrix;
using kernels::MatrixView;
using kernels::SparsityPattern;
using Bytes = std::vector<std::byte>;
using Compare = SparsityPattern::Compare;

class PlainLayer {
 public:
  PlainLayer(MatrixView<const float> weight, const InverseHessian& inverse, const Grid& grid,
             const std::optional<SparsityPattern>& pattern, bool clip)
      : inverse_(inverse),
        grid_(grid),
        pattern_(pattern),
        position_(1, weight.cols),
        importance_(clip ? sweep_importance(inverse) : std::vector<float>()),
        weights_(weight.rows, weight.cols),
        grids_(weight.rows, grid.group_size == 0 ? 1 : (weight.cols + grid.group_size - 1) / grid.group_size),
        codes_(weight.rows, weight.cols),
        keep_(weight.rows, weight.cols) {
    for (std::int64_t i = 0; i < weight.cols; ++i) {
      const std::int64_t c = inverse.order[static_cast<std::size_t>(i)];
      position_.data()[c] = i;
      for (std::int64_t r = 0; r < weight.rows; ++r) weights_.row(r)[i] = weight.row(r)[c];
    }
    if (!inverse.natural()) make_groups(0, grids_.cols());
  }

  void make_grids(std::int64_t group) { make_groups(group, 1); }

  void choose_mask(std::int64_t begin, std::int64_t end) {
    Matrix<float> scores(weights_.rows(), end - begin);
    for (std::int64_t r = 0; r < scores.rows(); ++r)
      for (std::int64_t j = begin; j < end; ++j)
        scores.row(r)[j - begin] = pruning_score(weights_.row(r)[j], inverse_.factor.row(j)[j]);
    choose_columns(*pattern_, begin, scores.view(), keep_.view().cols_from(begin, end - begin));
  }

  void sweep(std::int64_t begin, std::int64_t end) {
    const std::int64_t cols = weights_.cols();
    Matrix<double> errors(weights_.rows(), end - begin);
    kernels::ColumnSweep<MatrixView> block{
        .weights = weights_.view(),
        .factor = inverse_.factor.view(),
        .order = {inverse_.order.data(), 1, cols},
        .rounding = {grids_.view(), codes_.view(), grid_.bits, grid_.group_size == 0 ? cols : grid_.group_size},
        .pruning = {}};
    if (pattern_) block.pruning = {keep_.view(), pattern_->kept, pattern_->of};
    sweep_columns(block, begin, end, errors.view());
    for (std::int64_t r = 0; r < weights_.rows(); ++r) {
      for (std::int64_t j = begin; j < end; ++j)
        for (std::int64_t k = end; k < cols; ++k)
          weights_.row(r)[k] -= errors.row(r)[j - begin] * inverse_.factor.row(j)[k];
    }
  }

  Bytes packed() const {
    const kernels::PackedLayout layout = packed_layout(grid_, weights_.rows(), weights_.cols());
    Bytes bytes(static_cast<std::size_t>(layout.total_bytes));
    for (std::int64_t r = 0; r < weights_.rows(); ++r) {
      kernels::write_row(grid_, layout, r, {grids_.row(r), static_cast<std::size_t>(grids_.cols())}, codes_.row(r),
                         bytes);
    }
    return bytes;
  }

  Bytes packed(const kernels::SparseLayout& layout) const {
    Bytes bytes(static_cast<std::size_t>(layout.total_bytes));
    pack_sparse_codes(layout, keep_.view(), codes_.view(), grids_.view(), bytes);
    return bytes;
  }

 private:
  void make_groups(std::int64_t first, std::int64_t count) {
    const MatrixView<const float> importance = importance_.empty()
                                                   ? MatrixView<const float>()
                                                   : MatrixView<const float>(importance_.data(), 1, weights_.cols());
    make_group_grids(weights_.view(), position_.view(), importance, grid_, first, count, grids_.view());
  }

  const InverseHessian& inverse_;
  Grid grid_;
  std::optional<SparsityPattern> pattern_;
  Matrix<std::int64_t> position_;
  std::vector<float> importance_;
  Matrix<double> weights_;
  Matrix<GroupGrid> grids_;
  Matrix<std::uint8_t> codes_;
  Matrix<std::uint8_t> keep_;
};

// Codes could differ at ties only, of which these seeds have none.
TEST(SweepPlan, QuantizesAsGptqDoes) {
  for (const auto& [grid, inputs] : {std::tuple{Grid{4, 0, false}, 96}, std::tuple{Grid{2, 32, false}, 160},
                                     std::tuple{Grid{3, 96, true}, 300}, std::tuple{Grid{4, 128, false}, 300},
                                     std::tuple{Grid{3, 200, false}, 300}, std::tuple{Grid{8, 64, true}, 136}}) {
    const Matrix<float> hessian = random_hessian(inputs, 21);
    const Matrix<float> weight = random_matrix(20, inputs, 22, 0.05f);
    for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
      for (const bool clip : {false, true}) {
        const InverseHessian inverse = invert_hessian(hessian.view(), order);
        Bytes expected(static_cast<std::size_t>(packed_layout(grid, 20, inputs).total_bytes));
        quantize_gptq(weight.view(), inverse, grid, {.clip = clip}, expected);
        SweepPlan plan{.cols = inputs, .block = 128};
        if (inverse.natural()) plan.group_size = grid.group_size == 0 ? inputs : grid.group_size;
        PlainLayer layer(weight.view(), inverse, grid, std::nullopt, clip);

        sweep_layer(plan, layer);

        EXPECT_EQ(layer.packed(), expected) << grid.bits << " bits, groups of " << grid.group_size;
      }
    }
  }
}

TEST(SweepPlan, PrunesAsSparseGptDoes) {
  for (const auto& [pattern, grid, inputs, block] :
       {std::tuple{SparsityPattern{2, 4, 0, Compare::layer}, Grid{4, 32, false}, 160, 128},
        std::tuple{SparsityPattern{4, 8, 0, Compare::layer}, Grid{4, 0, false}, 136, 20},
        std::tuple{SparsityPattern{3, 5, 0, Compare::layer}, Grid{4, 40, true}, 160, 64},
        std::tuple{SparsityPattern{0, 0, 0.5, Compare::layer}, Grid{3, 48, false}, 240, 128},
        std::tuple{SparsityPattern{0, 0, 0.61, Compare::row}, Grid{4, 0, false}, 150, 50}}) {
    const InverseHessian inverse = invert_hessian(random_hessian(inputs, 51).view());
    const Matrix<float> weight = random_matrix(20, inputs, 52, 0.05f);
    const kernels::SparseLayout layout = kernels::sparse_layout(pattern, grid, 20, inputs);
    Bytes expected(static_cast<std::size_t>(layout.total_bytes));
    prune_sparsegpt(weight.view(), inverse, layout, {.block = block}, expected);
    const SweepPlan plan{.cols = inputs,
                         .block = block,
                         .group_size = layout.group_size(),
                         .neighbours = pattern.of,
                         .unstructured = pattern.of == 0};
    ASSERT_TRUE(plan.is_possible());
    PlainLayer layer(weight.view(), inverse, grid, pattern, false);

    sweep_layer(plan, layer);

    EXPECT_EQ(layer.packed(layout), expected) << pattern.kept << ":" << pattern.of;
  }
}

TEST(SweepPlan, KnowsWhichNeighboursOneCallHolds) {
  EXPECT_TRUE((SweepPlan{.cols = 512, .block = 128, .neighbours = 128}.is_possible()));
  EXPECT_FALSE((SweepPlan{.cols = 512, .block = 128, .neighbours = 256}.is_possible()));
  EXPECT_FALSE((SweepPlan{.cols = 512, .block = 4, .neighbours = 8}.is_possible()));
  EXPECT_FALSE((SweepPlan{.cols = 480, .block = 128, .group_size = 32, .neighbours = 5}.is_possible()));
}

}  // namespace
}  // namespace pare::test
