// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/second_order/rearrange.hpp"

namespace pare::kernels {
namespace kernel {

/// Calls body(row, column) for every place of a matrix. Tile: 256 columns of a row a CTA, rows in strides of the grid.
/// Bound: memory.
template <class Body>
__global__ void __launch_bounds__(256) each_place(std::int64_t rows, std::int64_t cols, Body body) {
  const std::int64_t c = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (c >= cols) return;
  for (std::int64_t r = blockIdx.y; r < rows; r += gridDim.y) body(r, c);
}

}  // namespace kernel

namespace {

template <class Body>
void for_each_place(std::int64_t rows, std::int64_t cols, const Stream& stream, const Body& body) {
  if (rows == 0 || cols == 0) return;
  constexpr unsigned threads = 256;
  constexpr std::int64_t most_rows = 65535;
  const dim3 tiles(static_cast<unsigned>((cols + threads - 1) / threads),
                   static_cast<unsigned>(std::min(rows, most_rows)));
  kernel::each_place<<<tiles, threads, 0, stream.handle()>>>(rows, cols, body);
  CUDA_CHECK_LAUNCH();
}

struct Gather {
  const float* hessian;
  std::int64_t hessian_stride;
  const std::int64_t* columns;
  double shift;
  double* out;
  std::int64_t out_stride;

  __device__ void operator()(std::int64_t i, std::int64_t j) const {
    const std::int64_t row = max(columns[i], columns[j]);
    const double value = hessian[row * hessian_stride + min(columns[i], columns[j])];
    out[i * out_stride + j] = i == j ? (value == 0.0 ? 1.0 : value) + shift : value;
  }
};

struct Reverse {
  const double* lower;
  std::int64_t lower_stride;
  std::int64_t last;
  double* upper;
  std::int64_t upper_stride;

  __device__ void operator()(std::int64_t i, std::int64_t j) const {
    upper[i * upper_stride + j] = i <= j ? lower[(last - i) * lower_stride + last - j] : 0.0;
  }
};

struct Permute {
  const float* weight;
  std::int64_t weight_stride;
  const std::int64_t* order;
  double* out;
  std::int64_t out_stride;

  __device__ void operator()(std::int64_t r, std::int64_t i) const {
    out[r * out_stride + i] = weight[r * weight_stride + order[i]];
  }
};

}  // namespace

void gather_damped(DeviceView<const float> hessian, DeviceView<const std::int64_t> columns, double shift,
                   DeviceView<double> out, const Stream& stream) {
  EXPECT(
      hessian.rows == hessian.cols && columns.cols == hessian.rows && out.rows == out.cols && out.rows == columns.cols,
      hessian.rows, " x ", hessian.cols, " to ", out.rows, " x ", out.cols);
  for_each_place(out.rows, out.cols, stream,
                 Gather{hessian.data, hessian.stride, columns.data, shift, out.data, out.stride});
}

void reverse_lower(DeviceView<const double> lower, DeviceView<double> upper, const Stream& stream) {
  EXPECT(lower.rows == lower.cols && upper.rows == lower.rows && upper.cols == lower.cols, lower.rows, " x ",
         lower.cols, " to ", upper.rows, " x ", upper.cols);
  for_each_place(upper.rows, upper.cols, stream,
                 Reverse{lower.data, lower.stride, lower.rows - 1, upper.data, upper.stride});
}

void gather_columns(DeviceView<const float> weight, DeviceView<const std::int64_t> order, DeviceView<double> out,
                    const Stream& stream) {
  EXPECT(weight.rows == out.rows && weight.cols == out.cols && order.cols == out.cols, weight.rows, " x ", weight.cols,
         " to ", out.rows, " x ", out.cols);
  for_each_place(out.rows, out.cols, stream, Permute{weight.data, weight.stride, order.data, out.data, out.stride});
}

}  // namespace pare::kernels
