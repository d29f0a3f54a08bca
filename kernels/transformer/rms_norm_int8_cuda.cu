// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/quantize/quantize_row.cuh"
#include "kernels/transformer/norm_row.cuh"
#include "kernels/transformer/rms_norm.hpp"

namespace pare::kernels {
namespace kernel {

/// Tile and bound as rms_norm, with a byte a value written. The normed row never leaves the registers and is not rounded
/// to bfloat16 between norm and quantization.
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::cta_threads, Shape::ctas)
    rms_norm_int8(device::Rows<const T> x, device::NormWeight weight, float epsilon, device::Int8Rows out,
                  std::int64_t rows, int cols) {
  const std::int64_t row = Shape::row();
  const bool exists = row < rows;
  typename Shape::Values values;
  const device::NormRow<Shape, T> norm(x, weight, epsilon, exists ? row : rows - 1, cols, values);
  device::quantize_row<Shape>(norm, out, row, exists, cols, values);
}

}  // namespace kernel

namespace {

template <class T>
void launch(DeviceView<const T> x, DeviceSpan<const float> weight, float epsilon, const DeviceInt8Input& input,
            DeviceView<std::int8_t> codes, DeviceSpan<float> scales, const Stream& stream) {
  EXPECT(weight.size == x.cols, weight.size, " weights for ", x.cols, " columns");
  const device::Int8Rows out = device::int8_rows(input, codes, scales, x.rows, x.cols);
  if (x.rows == 0) return;
  device::with_row_shape(x.cols, [&]<class Shape>() {
    kernel::rms_norm_int8<Shape, T><<<device::row_ctas<Shape>(x.rows), Shape::cta_threads, 0, stream.handle()>>>(
        device::Rows<const T>(x), device::NormWeight(weight), epsilon, out, x.rows, static_cast<int>(x.cols));
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void rms_norm_int8(DeviceView<const BFloat16> x, DeviceSpan<const float> weight, float epsilon,
                   const DeviceInt8Input& input, DeviceView<std::int8_t> codes, DeviceSpan<float> scales,
                   const Stream& stream) {
  launch(x, weight, epsilon, input, codes, scales, stream);
}

void rms_norm_int8(DeviceView<const float> x, DeviceSpan<const float> weight, float epsilon,
                   const DeviceInt8Input& input, DeviceView<std::int8_t> codes, DeviceSpan<float> scales,
                   const Stream& stream) {
  launch(x, weight, epsilon, input, codes, scales, stream);
}

}  // namespace pare::kernels
