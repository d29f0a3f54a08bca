// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/second_order/row_dots.hpp"

namespace pare::kernels {
namespace device {

constexpr int warp = 32;
constexpr int row_warps = 8;  ///< rows of a CTA

}  // namespace device

namespace kernel {

/// Tile: a row a warp. Bound: memory.
__global__ void __launch_bounds__(device::row_warps* device::warp)
    dot_rows(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t rows,
             std::int64_t cols, double* dots) {
  using namespace device;
  const int lane = static_cast<int>(threadIdx.x) % warp;
  const std::int64_t r = std::int64_t{blockIdx.x} * row_warps + threadIdx.x / warp;
  if (r >= rows) return;
  double sum = 0.0;
  for (std::int64_t c = lane; c < cols; c += warp) sum += double{a[r * a_stride + c]} * double{b[r * b_stride + c]};
  for (int lanes = warp / 2; lanes > 0; lanes /= 2) sum += __shfl_xor_sync(~0u, sum, lanes);
  if (lane == 0) dots[r] = sum;
}

}  // namespace kernel

void dot_rows(DeviceView<const float> a, DeviceView<const float> b, DeviceView<double> dots, const Stream& stream) {
  EXPECT(a.rows == b.rows && a.cols == b.cols && dots.rows == 1 && dots.cols == a.rows, a.rows, " x ", a.cols, ", ",
         b.rows, " x ", b.cols, " to ", dots.rows, " x ", dots.cols);
  if (a.rows == 0) return;
  const auto ctas = static_cast<unsigned>((a.rows + device::row_warps - 1) / device::row_warps);
  kernel::dot_rows<<<ctas, device::row_warps * device::warp, 0, stream.handle()>>>(a.data, a.stride, b.data, b.stride,
                                                                                   a.rows, a.cols, dots.data);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels
