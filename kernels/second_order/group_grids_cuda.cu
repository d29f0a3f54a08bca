// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/core/eight.cuh"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/second_order/group_grids.hpp"

namespace pare::kernels {
namespace device {

constexpr int warp = 32;
constexpr int row_warps = 4;  ///< rows of a CTA

/// The groups of one row, in the hands of a warp.
struct RowOfGroups {
  const double* weights;
  const std::int64_t* position;
  const float* importance;
  std::int64_t begin;
  std::int64_t end;
  int lane;

  /// Calls body(weight, column) for those of this lane.
  template <class Body>
  __device__ void each(const Body& body) const {
    for (std::int64_t c = begin + lane; c < end; c += warp) body(static_cast<float>(weights[position[c]]), c);
  }
};

/// exact_scale and min_max_grid, to the bit.
__device__ inline GroupGrid min_max_grid(float low, float high, int bits, bool symmetric) {
  const double levels = (1 << bits) - 1;
  const auto middle = static_cast<std::uint8_t>(1 << (bits - 1));
  const double exact =
      symmetric ? fmax(double{high}, -double{low}) / (levels / 2.0) : (double{high} - double{low}) / levels;
  if (exact == 0.0) return {{0}, symmetric ? middle : std::uint8_t{0}};
  Float16 scale{__half_as_ushort(__float2half_rn(static_cast<float>(exact)))};
  if (scale.bits == 0) scale.bits = 1;
  if (symmetric) return {scale, middle};
  const double zero = rint(-double{low} / double{half_to_float(scale.bits)});
  return {scale, static_cast<std::uint8_t>(fmin(fmax(zero, 0.0), levels))};
}

/// What error_of_group of clipped_grid.cpp is, but for the order of the sum; the same in all lanes.
__device__ inline double error_of(const RowOfGroups& row, const GroupGrid& group, int bits) {
  const float scale = half_to_float(group.scale.bits);
  const float lowest = -static_cast<float>(group.zero);
  const float highest = static_cast<float>((1 << bits) - 1) + lowest;
  double sum = 0.0;
  row.each([&](float w, std::int64_t c) {
    const float ratio = __fdiv_rn(w, scale);
    const float steps = rintf(ratio > highest ? highest : (ratio < lowest ? lowest : ratio));
    const double difference = double{w} - double{__fmul_rn(steps, scale)};
    sum += difference * difference * double{row.importance[c]};
  });
  for (int lanes = warp / 2; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(~0u, sum, lanes);
  return sum;
}

}  // namespace device

namespace kernel {

/// Tile: a group of one row a warp. Bound: memory without clips; with them the 21 reads of a group come from the L1
/// cache, and divisions bound.
__global__ void __launch_bounds__(device::row_warps* device::warp)
    make_group_grids(const double* weights, std::int64_t stride, std::int64_t rows, std::int64_t cols,
                     const std::int64_t* position, const float* importance, std::int64_t group_size, int bits,
                     bool symmetric, std::int64_t first, GroupGrid* grids, std::int64_t grids_stride) {
  using namespace device;
  const int lane = static_cast<int>(threadIdx.x) % warp;
  const std::int64_t r = std::int64_t{blockIdx.x} * row_warps + threadIdx.x / warp;
  if (r >= rows) return;
  const std::int64_t g = first + blockIdx.y;
  const RowOfGroups row{
      weights + r * stride, position, importance, g * group_size, min((g + 1) * group_size, cols), lane};
  float low = 0.0f, high = 0.0f;
  row.each([&](float w, std::int64_t) {
    low = fminf(low, w);
    high = fmaxf(high, w);
  });
  for (int lanes = warp / 2; lanes > 0; lanes /= 2) {
    low = fminf(low, __shfl_xor_sync(~0u, low, lanes));
    high = fmaxf(high, __shfl_xor_sync(~0u, high, lanes));
  }
  GroupGrid best = min_max_grid(low, high, bits, symmetric);
  if (importance != nullptr && best.scale.bits != 0) {
    double least = error_of(row, best, bits);
    for (int candidate = 1; candidate < clip_candidates; ++candidate) {
      const float factor = clip_factor(candidate);
      const GroupGrid tried = min_max_grid(__fmul_rn(low, factor), __fmul_rn(high, factor), bits, symmetric);
      if (tried.scale.bits == 0) break;
      const double error = error_of(row, tried, bits);
      if (error < least) {
        least = error;
        best = tried;
      }
    }
  }
  if (lane == 0) grids[r * grids_stride + g] = best;
}

}  // namespace kernel

void make_group_grids(DeviceView<const double> weights, DeviceView<const std::int64_t> position,
                      DeviceView<const float> importance, const Grid& grid, std::int64_t first, std::int64_t count,
                      DeviceView<GroupGrid> grids, const Stream& stream) {
  const std::int64_t size = grid.group_size == 0 ? weights.cols : grid.group_size;
  EXPECT(position.cols == weights.cols && grids.rows == weights.rows && first >= 0 && first + count <= grids.cols,
         position.cols, ", ", grids.rows, " x ", grids.cols);
  EXPECT(importance.data == nullptr || importance.cols == weights.cols, importance.cols, " importances");
  constexpr std::int64_t most_groups = 65535;
  const auto ctas = static_cast<unsigned>((weights.rows + device::row_warps - 1) / device::row_warps);
  for (std::int64_t done = 0; ctas > 0 && done < count; done += most_groups) {
    const auto groups = static_cast<unsigned>(std::min(count - done, most_groups));
    kernel::make_group_grids<<<dim3(ctas, groups), device::row_warps * device::warp, 0, stream.handle()>>>(
        weights.data, weights.stride, weights.rows, weights.cols, position.data, importance.data, size, grid.bits,
        grid.symmetric, first + done, grids.data, grids.stride);
    CUDA_CHECK_LAUNCH();
  }
}

}  // namespace pare::kernels
