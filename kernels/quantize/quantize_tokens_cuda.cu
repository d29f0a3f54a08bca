// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/quantize/quantize_row.cuh"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::kernels {
namespace kernel {

/// Tile: a row a warp (up to 512 columns) or a CTA, held in registers (up to 16384 columns, else read twice). Bound:
/// memory, one pass: the bytes of x and one byte a value.
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::cta_threads, Shape::ctas)
    quantize_tokens(device::Rows<const T> x, device::Int8Rows out, std::int64_t rows, int cols) {
  const std::int64_t row = Shape::row();
  const bool exists = row < rows;
  const std::int64_t read = exists ? row : rows - 1;
  typename Shape::Values values;
  const auto load = [&](int chunk, typename Shape::Values& to) {
    device::load_values<Shape>(x, read, cols, chunk, to);
  };
  device::quantize_row<Shape>(load, out, row, exists, cols, values);
}

}  // namespace kernel

namespace {

template <class T>
void launch(DeviceView<const T> x, const DeviceInt8Input& input, DeviceView<std::int8_t> codes,
            DeviceSpan<float> scales, const Stream& stream) {
  const device::Int8Rows out = device::int8_rows(input, codes, scales, x.rows, x.cols);
  if (x.rows == 0) return;
  device::with_row_shape(x.cols, [&]<class Shape>() {
    kernel::quantize_tokens<Shape, T><<<device::row_ctas<Shape>(x.rows), Shape::cta_threads, 0, stream.handle()>>>(
        device::Rows<const T>(x), out, x.rows, static_cast<int>(x.cols));
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void quantize_tokens_int8(DeviceView<const float> x, const DeviceInt8Input& input, DeviceView<std::int8_t> codes,
                          DeviceSpan<float> scales, const Stream& stream) {
  launch(x, input, codes, scales, stream);
}

void quantize_tokens_int8(DeviceView<const BFloat16> x, const DeviceInt8Input& input, DeviceView<std::int8_t> codes,
                          DeviceSpan<float> scales, const Stream& stream) {
  launch(x, input, codes, scales, stream);
}

}  // namespace pare::kernels
