// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/quantize/quantize_row.cuh"
#include "kernels/transformer/swiglu.hpp"

namespace pare::kernels {
namespace device {

/// gate / (1 + e^-gate) * up. __fdividef: within 2 units in the last place, and 0 where 1 + e^-gate exceeds 2^126.
__device__ inline float swiglu(float gate, float up) {
  return __fmul_rn(__fdividef(gate, __fadd_rn(1.0f, expf(-gate))), up);
}

template <class Shape>
struct SwigluRow {
  Rows<const BFloat16> gate;
  Rows<const BFloat16> up;
  std::int64_t row;
  int cols;

  /// Beyond the row 0 / 2 * 0 is 0.
  __device__ void operator()(int chunk, typename Shape::Values& values) const {
    typename Shape::Values ups;
    load_values<Shape>(gate, row, cols, chunk, values);
    load_values<Shape>(up, row, cols, chunk, ups);
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
#pragma unroll
      for (int i = 0; i < 8; ++i) values[v][i] = swiglu(values[v][i], ups[v][i]);
    }
  }
};

}  // namespace device

namespace kernel {

/// Tile: a row a warp (up to 512 columns) or a CTA, four vectors of gate and of up in flight a thread. Bound: memory.
/// `out` may be gate or up.
template <class Shape, class Out>
__global__ void __launch_bounds__(Shape::cta_threads)
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

/// Tile: as above; a row of up to 16384 columns stays in registers between the maximum and the codes. Bound: memory, five
/// bytes a value, close to what the exponentials and divisions take.
template <class Shape>
__global__ void __launch_bounds__(Shape::cta_threads)
    swiglu_int8(device::Rows<const BFloat16> gate, device::Rows<const BFloat16> up, device::Int8Rows out,
                std::int64_t rows, int cols) {
  const std::int64_t row = Shape::row();
  const bool exists = row < rows;
  typename Shape::Values values;
  const device::SwigluRow<Shape> make{gate, up, exists ? row : rows - 1, cols};
  device::quantize_row<Shape>(make, out, row, exists, cols, values);
}

}  // namespace kernel

namespace {

void expect_same_shape(const DeviceView<const BFloat16>& gate, const DeviceView<const BFloat16>& up) {
  EXPECT(gate.rows == up.rows && gate.cols == up.cols, gate.rows, " x ", gate.cols, " and ", up.rows, " x ", up.cols);
}

template <class Out>
void launch(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, DeviceView<Out> out, const Stream& stream) {
  expect_same_shape(gate, up);
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

void swiglu_int8(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, const DeviceInt8Input& input,
                 DeviceView<std::int8_t> codes, DeviceSpan<float> scales, const Stream& stream) {
  expect_same_shape(gate, up);
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
