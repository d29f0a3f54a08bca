// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/device_sweep.hpp"

#include <algorithm>
#include <span>

#include "kernels/core/parallel.hpp"
#include "kernels/second_order/group_grids.hpp"
#include "kernels/second_order/rearrange.hpp"

namespace pare::framework {

using kernels::DeviceMatrix;
using kernels::DeviceView;
using kernels::GroupGrid;
using kernels::Matrix;

DeviceSweep::DeviceSweep(kernels::MatrixView<const float> live, const DeviceInverse& inverse, CompressionGpu& gpu)
    : inverse_(inverse),
      gpu_(gpu),
      order_(on_device(std::span<const std::int64_t>(inverse.order), gpu.stream)),
      weights_(live.rows, live.cols),
      errors_(live.rows, std::min(live.cols, kernels::widest_sweep)) {
  std::vector<std::int64_t> position(inverse.order.size());
  for (std::size_t i = 0; i < position.size(); ++i)
    position[static_cast<std::size_t>(inverse.order[i])] = static_cast<std::int64_t>(i);
  position_ = on_device(std::span<const std::int64_t>(position), gpu.stream);
  const DeviceMatrix<float> source = on_device(live, gpu.stream);
  gather_columns(source.view(), order_.view(), weights_.view(), gpu.stream);
  gpu.stream.synchronize();
}

void DeviceSweep::round_to(const kernels::Grid& grid, const std::vector<float>& importance, bool all_at_once) {
  const std::int64_t cols = weights_.cols();
  const std::int64_t groups = grid.group_size == 0 ? 1 : (cols + grid.group_size - 1) / grid.group_size;
  grid_ = grid;
  if (!importance.empty()) importance_ = on_device(std::span<const float>(importance), gpu_.stream);
  grids_ = DeviceMatrix<GroupGrid>(weights_.rows(), groups);
  codes_ = DeviceMatrix<std::uint8_t>(weights_.rows(), cols);
  if (all_at_once) make_grids(0, groups);
}

void DeviceSweep::round_to(const kernels::Grid& grid, const GroupGrid& whole) {
  grid_ = grid;
  grids_ = on_device(std::span<const GroupGrid>(&whole, 1), gpu_.stream);
  codes_ = DeviceMatrix<std::uint8_t>(weights_.rows(), weights_.cols());
}

void DeviceSweep::prune(const kernels::SparsityPattern& pattern) {
  pattern_ = pattern;
  keep_ = DeviceMatrix<std::uint8_t>(weights_.rows(), weights_.cols());
}

void DeviceSweep::choose_mask(std::int64_t begin, std::int64_t end) {
  const Matrix<double> columns =
      on_host(DeviceView<const double>(weights_.view().cols_from(begin, end - begin)), gpu_.stream);
  Matrix<float> scores(columns.rows(), columns.cols());
  kernels::parallel_for(scores.rows(), 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      for (std::int64_t j = begin; j < end; ++j)
        scores.row(r)[j - begin] =
            pruning_score(columns.row(r)[j - begin], inverse_.diagonal[static_cast<std::size_t>(j)]);
    }
  });
  Matrix<std::uint8_t> keep(scores.rows(), scores.cols());
  choose_columns(*pattern_, begin, scores.view(), keep.view());
  kernels::copy_to_device<std::uint8_t>(keep.view(), keep_.view().cols_from(begin, end - begin), gpu_.stream);
  gpu_.stream.synchronize();
}

void DeviceSweep::make_grids(std::int64_t group) {
  make_grids(group, 1);
}

void DeviceSweep::make_grids(std::int64_t first, std::int64_t count) {
  make_group_grids(weights_.view(), position_.view(), importance_.view(), *grid_, first, count, grids_.view(),
                   gpu_.stream);
}

void DeviceSweep::sweep(std::int64_t begin, std::int64_t end) {
  const std::int64_t cols = weights_.cols();
  kernels::ColumnSweep<DeviceView> block{.weights = weights_.view(),
                                         .factor = inverse_.factor.view(),
                                         .order = order_.view(),
                                         .rounding = {},
                                         .pruning = {}};
  if (grid_) {
    block.rounding = {.grids = grids_.view(),
                      .codes = codes_.view(),
                      .bits = grid_->bits,
                      .group_size = grid_->group_size == 0 ? cols : grid_->group_size};
  }
  if (pattern_) block.pruning = {.keep = keep_.view(), .kept = pattern_->kept, .of = pattern_->of};
  const DeviceView<double> errors = errors_.view().cols_from(0, end - begin);
  sweep_columns(block, begin, end, errors, gpu_.stream);
  gpu_.algebra.subtract_product(errors, inverse_.factor.view().rows_from(begin, end - begin).cols_from(end, cols - end),
                                weights_.view().cols_from(end, cols - end));
}

}  // namespace pare::framework
