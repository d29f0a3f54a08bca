// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/core/eight.cuh"
#include "kernels/quantize/divide_columns.hpp"

namespace pare::kernels {
namespace kernel {

/// Tile: 256 columns of a row a CTA, rows in strides of the grid. Bound: memory, 6 bytes a value.
__global__ void __launch_bounds__(256)
    divide_columns(const float* x, std::int64_t x_stride, const float* divisors, BFloat16* out, std::int64_t out_stride,
                   std::int64_t rows, std::int64_t cols) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= cols) return;
  const float divisor = divisors[c];
  for (std::int64_t r = blockIdx.y; r < rows; r += gridDim.y)
    device::convert(__fdiv_rn(x[r * x_stride + c], divisor), out[r * out_stride + c]);
}

}  // namespace kernel

void divide_columns(DeviceView<const float> x, DeviceSpan<const float> divisors, DeviceView<BFloat16> out,
                    const Stream& stream) {
  EXPECT(x.rows == out.rows && x.cols == out.cols && divisors.size == x.cols, x.rows, " x ", x.cols, ", ",
         divisors.size, " divisors");
  if (x.size() == 0) return;
  constexpr unsigned threads = 256;
  constexpr std::int64_t most_rows = 65535;
  const dim3 tiles(static_cast<unsigned>((x.cols + threads - 1) / threads),
                   static_cast<unsigned>(std::min(x.rows, most_rows)));
  kernel::divide_columns<<<tiles, threads, 0, stream.handle()>>>(x.data, x.stride, divisors.data, out.data, out.stride,
                                                                 x.rows, x.cols);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels
