// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/column_sweep.hpp"

#include <algorithm>

#include "framework/compression/sweep_inputs.hpp"
#include "kernels/quantize/clipped_grid.hpp"

namespace pare::framework {

Tile load_tile(kernels::MatrixView<const float> weight, const InverseHessian& inverse, std::int64_t first,
               std::int64_t rows) {
  Tile tile(rows, weight.cols);
  for (std::int64_t r = 0; r < rows; ++r) {
    kernels::require_finite_row(weight, first + r);
    const float* row = weight.row(first + r);
    for (std::int64_t i = 0; i < weight.cols; ++i) {
      const auto c = static_cast<std::size_t>(inverse.order[static_cast<std::size_t>(i)]);
      tile(r, i) = inverse.dead[c] != 0 ? 0.0 : double{row[c]};
    }
  }
  return tile;
}

TileCodes::TileCodes(const kernels::Grid& grid, const InverseHessian& inverse, std::int64_t first_row,
                     std::int64_t rows, bool clip)
    : grid_(grid),
      first_row_(first_row),
      rows_(rows),
      cols_(inverse.inputs()),
      group_size_(grid.group_size == 0 ? cols_ : grid.group_size),
      groups_((cols_ + group_size_ - 1) / group_size_),
      position_(static_cast<std::size_t>(cols_)),
      grids_(static_cast<std::size_t>(rows * groups_)),
      codes_(static_cast<std::size_t>(rows * cols_)) {
  for (std::size_t i = 0; i < position_.size(); ++i) {
    position_[static_cast<std::size_t>(inverse.order[i])] = static_cast<std::int64_t>(i);
  }
  if (clip) importance_ = sweep_importance(inverse);
}

TileCodes::TileCodes(const kernels::Grid& grid, const InverseHessian& inverse, std::int64_t rows,
                     const kernels::GroupGrid& shared)
    : TileCodes(grid, inverse, 0, rows) {
  shared_ = true;
  std::fill(grids_.begin(), grids_.end(), shared);
}

void TileCodes::start_group(std::int64_t g, const Tile& tile) {
  if (shared_) return;
  const std::int64_t first = g * group_size_;
  const std::int64_t count = std::min(group_size_, cols_ - first);
  std::vector<float> weights(static_cast<std::size_t>(count));
  for (std::int64_t r = 0; r < rows_; ++r) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t column = position_[static_cast<std::size_t>(first + i)];
      weights[static_cast<std::size_t>(i)] = static_cast<float>(tile(r, column));
    }
    const kernels::GroupRange range = kernels::range_of_group(weights.data(), count);
    kernels::GroupGrid& group = grids_[static_cast<std::size_t>(r * groups_ + g)];
    group = kernels::min_max_grid(range, grid_, first_row_ + r, first);
    if (!importance_.empty()) {
      group = kernels::clipped_grid(weights.data(), importance_.data() + first, count, range, grid_);
    }
  }
}

}  // namespace pare::framework
