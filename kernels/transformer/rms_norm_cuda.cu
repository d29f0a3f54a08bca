// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/norm_row.cuh"
#include "kernels/transformer/rms_norm.hpp"

namespace pare::kernels {
namespace kernel {

/// Tile: a row a warp (up to 512 columns) or a CTA, held in registers (up to 16384 columns, else read twice). Bound:
/// memory, one pass: x read and `out` written; the weight stays in the caches. `out` may be x: a row is read before it is
/// written, and the chunks of a long one are written behind the reading.
template <class Shape, class In, class Out>
__global__ void __launch_bounds__(Shape::cta_threads, Shape::ctas)
    rms_norm(device::Rows<const In> x, device::NormWeight weight, float epsilon, device::Rows<Out> out,
             std::int64_t rows, int cols) {
  const std::int64_t row = Shape::row();
  const bool exists = row < rows;
  typename Shape::Values values;
  const device::NormRow<Shape, In> norm(x, weight, epsilon, exists ? row : rows - 1, cols, values);
  if (!exists) return;
  for (int chunk = 0; chunk < Shape::chunks(cols); ++chunk) {
    norm(chunk, values);
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
      const int column = Shape::column(chunk, v);
      if (column < cols) device::store_values(out, row, cols, column, values[v]);
    }
  }
}

}  // namespace kernel

namespace {

template <class In, class Out>
void launch(DeviceView<const In> x, DeviceSpan<const float> weight, float epsilon, DeviceView<Out> out,
            const Stream& stream) {
  EXPECT(out.rows == x.rows && out.cols == x.cols, out.rows, " x ", out.cols, " for ", x.rows, " x ", x.cols);
  EXPECT(weight.size == x.cols, weight.size, " weights for ", x.cols, " columns");
  if (x.rows == 0) return;
  device::with_row_shape(x.cols, [&]<class Shape>() {
    kernel::rms_norm<Shape, In, Out><<<device::row_ctas<Shape>(x.rows), Shape::cta_threads, 0, stream.handle()>>>(
        device::Rows<const In>(x), device::NormWeight(weight), epsilon, device::Rows<Out>(out), x.rows,
        static_cast<int>(x.cols));
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void rms_norm(DeviceView<const BFloat16> x, DeviceSpan<const float> weight, float epsilon, DeviceView<BFloat16> out,
              const Stream& stream) {
  launch(x, weight, epsilon, out, stream);
}

void rms_norm(DeviceView<const BFloat16> x, DeviceSpan<const float> weight, float epsilon, DeviceView<float> out,
              const Stream& stream) {
  launch(x, weight, epsilon, out, stream);
}

void rms_norm(DeviceView<const float> x, DeviceSpan<const float> weight, float epsilon, DeviceView<BFloat16> out,
              const Stream& stream) {
  launch(x, weight, epsilon, out, stream);
}

void rms_norm(DeviceView<const float> x, DeviceSpan<const float> weight, float epsilon, DeviceView<float> out,
              const Stream& stream) {
  launch(x, weight, epsilon, out, stream);
}

}  // namespace pare::kernels
