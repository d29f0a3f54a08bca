// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/core/row.cuh"
#include "kernels/transformer/embedding.hpp"

namespace pare::kernels {
namespace {

constexpr int threads = 128;

}  // namespace

namespace kernel {

/// Tile: a token a CTA, four vectors of eight values in flight a thread. Bound: memory.
template <class Out>
__global__ void __launch_bounds__(threads) embed(device::Rows<const BFloat16> table, std::int64_t table_rows,
                                                 const std::uint32_t* ids, device::Rows<Out> out, int cols) {
  using Shape = device::RowShape<threads, 4>;
  const std::int64_t token = blockIdx.x;
  const std::int64_t id = ids[token];
  for (int chunk = 0; chunk < Shape::chunks(cols); ++chunk) {
    Shape::Values values;
    if (id < table_rows) {
      device::load_values<Shape>(table, id, cols, chunk, values);
    } else {
#pragma unroll
      for (auto& vector : values) {
#pragma unroll
        for (float& value : vector) value = __uint_as_float(0x7fc00000u);
      }
    }
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
      const int column = Shape::column(chunk, v);
      if (column < cols) device::store_values(out, token, cols, column, values[v]);
    }
  }
}

}  // namespace kernel

namespace {

template <class Out>
void launch(DeviceView<const BFloat16> table, DeviceSpan<const std::uint32_t> ids, DeviceView<Out> out,
            const Stream& stream) {
  EXPECT(ids.size == out.rows && table.cols == out.cols, ids.size, " ids for ", out.rows, " x ", out.cols);
  if (out.rows == 0) return;
  kernel::embed<Out><<<static_cast<unsigned>(out.rows), threads, 0, stream.handle()>>>(
      device::Rows<const BFloat16>(table), table.rows, ids.data, device::Rows<Out>(out), static_cast<int>(out.cols));
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void embed(DeviceView<const BFloat16> table, DeviceSpan<const std::uint32_t> ids, DeviceView<BFloat16> out,
           const Stream& stream) {
  launch(table, ids, out, stream);
}

void embed(DeviceView<const BFloat16> table, DeviceSpan<const std::uint32_t> ids, DeviceView<float> out,
           const Stream& stream) {
  launch(table, ids, out, stream);
}

}  // namespace pare::kernels
