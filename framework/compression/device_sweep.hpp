// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "framework/compression/device_inverse.hpp"
#include "framework/compression/sweep_plan.hpp"
#include "kernels/core/device_matrix.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/prune/mask.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::framework {

/// A layer on a GPU while its columns are fixed: what sweep_layer calls. The mask of an unstructured pattern is chosen on
/// the CPU, to which the columns of the block are copied: of 4096 rows 4 MiB, less than a millisecond.
class DeviceSweep {
 public:
  /// live: the weights as live_weights gives them, which are not needed further. All must outlive the sweep.
  DeviceSweep(kernels::MatrixView<const float> live, const DeviceInverse& inverse, CompressionGpu& gpu);

  /// Weights are rounded to grids of this kind, which make_grids makes group by group, here of all groups where
  /// `all_at_once`; or to one for the whole tensor. importance: of columns of the layer, or empty (min-max grids).
  void round_to(const kernels::Grid& grid, const std::vector<float>& importance, bool all_at_once);
  void round_to(const kernels::Grid& grid, const kernels::GroupGrid& whole);
  void prune(const kernels::SparsityPattern& pattern);

  void choose_mask(std::int64_t begin, std::int64_t end);
  void make_grids(std::int64_t group);
  void sweep(std::int64_t begin, std::int64_t end);

  /// After the sweep, each [rows, ..]: what is stored for the weights, in its order; which stay; codes and grids by
  /// column of the layer.
  kernels::Matrix<double> weights() const { return on_host(weights_, gpu_.stream); }
  kernels::Matrix<std::uint8_t> keep() const { return on_host(keep_, gpu_.stream); }
  kernels::Matrix<std::uint8_t> codes() const { return on_host(codes_, gpu_.stream); }
  kernels::Matrix<kernels::GroupGrid> grids() const { return on_host(grids_, gpu_.stream); }

 private:
  void make_grids(std::int64_t first, std::int64_t count);

  const DeviceInverse& inverse_;
  CompressionGpu& gpu_;
  kernels::DeviceMatrix<std::int64_t> order_;
  kernels::DeviceMatrix<std::int64_t> position_;  ///< of a column of the layer in the sweep
  kernels::DeviceMatrix<double> weights_;
  kernels::DeviceMatrix<double> errors_;
  std::optional<kernels::Grid> grid_;
  kernels::DeviceMatrix<float> importance_;
  kernels::DeviceMatrix<kernels::GroupGrid> grids_;
  kernels::DeviceMatrix<std::uint8_t> codes_;
  std::optional<kernels::SparsityPattern> pattern_;
  kernels::DeviceMatrix<std::uint8_t> keep_;
};

}  // namespace pare::framework
