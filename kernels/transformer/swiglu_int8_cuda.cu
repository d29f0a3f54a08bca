// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/quantize/quantize_row.cuh"
#include "kernels/transformer/swiglu.hpp"
#include "kernels/transformer/swiglu_row.cuh"

namespace pare::kernels {
namespace kernel {

/// Tile: as swiglu; a row of up to 16384 columns stays in registers between the maximum and the codes. Bound: memory, five
/// bytes a value, close to what the exponentials and divisions take.
template <class Shape>
__global__ void __launch_bounds__(Shape::cta_threads, Shape::ctas)
    swiglu_int8(device::Rows<const BFloat16> gate, device::Rows<const BFloat16> up, device::Int8Rows out,
                std::int64_t rows, int cols) {
  const std::int64_t row = Shape::row();
  const bool exists = row < rows;
  typename Shape::Values values;
  const device::SwigluRow<Shape> make{gate, up, exists ? row : rows - 1, cols};
  device::quantize_row<Shape>(make, out, row, exists, cols, values);
}

}  // namespace kernel

void swiglu_int8(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, const DeviceInt8Input& input,
                 DeviceView<std::int8_t> codes, DeviceSpan<float> scales, const Stream& stream) {
  EXPECT(gate.rows == up.rows && gate.cols == up.cols, gate.rows, " x ", gate.cols, " and ", up.rows, " x ", up.cols);
  const device::Int8Rows out = device::int8_rows(input, codes, scales, gate.rows, gate.cols);
  if (gate.rows == 0) return;
  device::with_row_shape(gate.cols, [&]<class Shape>() {
    kernel::swiglu_int8<Shape><<<device::row_ctas<Shape>(gate.rows), Shape::cta_threads, 0, stream.handle()>>>(
        device::Rows<const BFloat16>(gate), device::Rows<const BFloat16>(up), out, gate.rows,
        static_cast<int>(gate.cols));
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels
