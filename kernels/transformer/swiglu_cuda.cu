// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/swiglu.hpp"
#include "kernels/transformer/swiglu_row.cuh"

namespace pare::kernels {
namespace kernel {

/// Tile: a row a warp (up to 512 columns) or a CTA, four vectors of gate and of up in flight a thread. Bound: memory.
/// `out` may be gate or up.
template <class Shape, class Out>
__global__ void __launch_bounds__(Shape::cta_threads, Shape::ctas)
    swiglu(device::Rows<const BFloat16> gate, device::Rows<const BFloat16> up, device::Rows<Out> out, std::int64_t rows,
           int cols) {
  const std::int64_t row = Shape::row();
  if (row >= rows) return;
  const device::SwigluRow<Shape> make{gate, up, row, cols};
  for (int chunk = 0; chunk < Shape::chunks(cols); ++chunk) {
    typename Shape::Values values;
    make(chunk, values);
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
      const int column = Shape::column(chunk, v);
      if (column < cols) device::store_values(out, row, cols, column, values[v]);
    }
  }
}

}  // namespace kernel

namespace {

template <class Out>
void launch(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, DeviceView<Out> out, const Stream& stream) {
  EXPECT(gate.rows == up.rows && gate.cols == up.cols, gate.rows, " x ", gate.cols, " and ", up.rows, " x ", up.cols);
  EXPECT(out.rows == up.rows && out.cols == up.cols, out.rows, " x ", out.cols, " for ", up.rows, " x ", up.cols);
  if (gate.rows == 0) return;
  device::with_row_shape(gate.cols, [&]<class Shape>() {
    kernel::swiglu<Shape, Out><<<device::row_ctas<Shape>(gate.rows), Shape::cta_threads, 0, stream.handle()>>>(
        device::Rows<const BFloat16>(gate), device::Rows<const BFloat16>(up), device::Rows<Out>(out), gate.rows,
        static_cast<int>(gate.cols));
  });
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void swiglu(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, DeviceView<BFloat16> out,
            const Stream& stream) {
  launch(gate, up, out, stream);
}

void swiglu(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, DeviceView<float> out,
            const Stream& stream) {
  launch(gate, up, out, stream);
}

}  // namespace pare::kernels
