// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_bf16_launch.hpp"
#include "kernels/gemm/gemm_int8_hopper.cuh"
#include "kernels/gemm/tensor_map.hpp"

namespace pare::kernels::detail {
namespace {

/// A stage's 128 bytes of a row.
constexpr int bf16_inputs = tile_inputs / static_cast<int>(sizeof(BFloat16));

}  // namespace

namespace kernel {

/// Tile 128 x `columns` x 64 a block, cut and fetched as the int8 product's (see gemm_int8_hopper.cuh), four wgmma m64
/// n`columns` k16 a warpgroup and stage; bound by the matrix units for many tokens, by the weights' bytes for few. A sum
/// takes its products 16 by 16 in ascending order, in one thread's register: neither the tile nor the other rows show.
template <class Out, int columns>
__global__ void __launch_bounds__(hopper_threads, 1) __cluster_dims__(cluster_blocks, 1, 1)
    gemm_bf16_hopper(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap weight_map,
                     const __grid_constant__ CUtensorMap out_map, const EpiloguePointers<Out, Out> to,
                     const Raster raster, const int input_blocks) {
  extern __shared__ __align__(1024) unsigned char shared[];
  using Layout = HopperLayout<columns, false>;
  const Layout layout{shared_address(shared)};
  const std::uint32_t rank = cluster_rank();
  begin_ring(layout);

  const int warpgroup = static_cast<int>(threadIdx.x) / warpgroup_threads;
  if (warpgroup == 0) {
    give_up_registers<loading_registers>();
    if (threadIdx.x == 0) {
      prefetch_tensor_map(&x_map);
      prefetch_tensor_map(&weight_map);
      load_tiles<Layout, bf16_inputs>(layout, &x_map, &weight_map, raster, input_blocks, rank);
    }
  } else {
    take_registers<multiplying_registers>();
    const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
    const std::uint32_t x_offset = static_cast<std::uint32_t>(warpgroup - 1) * 64 * swizzle_bytes;
    TileWriter<Out, columns, false, Out> writer(to, &out_map, shared, Layout::staging, Layout::scales, warp);
    float sums[columns / 2];
    RingPosition position;
    for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
         tile += static_cast<int>(gridDim.x) / cluster_blocks) {
      const Raster::Place place = raster.at(tile);
      const int m = (place.token_pair * cluster_blocks + static_cast<int>(rank)) * tile_tokens + warp * 16;
      const int n = place.output_tile * columns;
      writer.fetch(m, n);
      int previous = 0;
      for (int block = 0; block < input_blocks; ++block) {
        barrier_wait(layout.full(position.stage), position.parity);
        const std::uint64_t a = matrix_descriptor(layout.x(position.stage) + x_offset);
        const std::uint64_t b = matrix_descriptor(layout.weight(position.stage));
        wgmma_fence();
#pragma unroll
        for (int i = 0; i < 4; ++i) Wgmma<columns>::bf16(sums, a + i * next_depth, b + i * next_depth, block | i);
        wgmma_commit();
        wgmma_wait<1>();
        if (block > 0) release_stage(layout, previous);
        previous = position.stage;
        position.advance<Layout::stages>();
      }
      wgmma_wait<0>();
      release_stage(layout, previous);
      writer.write(m, n, [&](int i) { return sums[i]; });
    }
    writer.drain();
  }
  // Neither block may leave while the other still writes to its memory.
  cluster_leave_together();
}

}  // namespace kernel

namespace {

/// The width of tiles that is done first: rounds of clusters times the width, narrow tiles being dearer because each loads
/// its tokens anew. Not so with few tokens, where all that counts is that every multiprocessor fetches weights to the end.
int best_columns(std::int64_t tokens, std::int64_t outputs, int multiprocessors) {
  struct Width {
    int columns;
    double cost;  ///< of a tile, relative to its width
  };
  constexpr Width widths[] = {{256, 1.0}, {192, 1.04}, {128, 1.12}, {64, 1.6}};
  constexpr std::int64_t few_tokens = 16;
  const int clusters = multiprocessors / cluster_blocks;
  int best = 0;
  double lowest = 0.0;
  for (const Width& width : widths) {
    const int tiles = raster_for(tokens, outputs, width.columns, 1).count();
    const double cost = (tiles + clusters - 1) / clusters * width.columns * (tokens <= few_tokens ? 1.0 : width.cost);
    if (best == 0 || cost < lowest) {
      best = width.columns;
      lowest = cost;
    }
  }
  return best;
}

template <int columns, class Out>
void launch(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight, const EpiloguePointers<Out, Out>& to,
            DeviceView<Out> out, const Stream& stream) {
  const auto function = kernel::gemm_bf16_hopper<Out, columns>;
  constexpr int shared_bytes = HopperLayout<columns, false>::total_bytes;
  CUDA_CALL(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  CUtensorMap x_map, weight_map, out_map;
  fill_tensor_map(x_map, x, tile_tokens);
  fill_tensor_map(weight_map, weight, columns / cluster_blocks);
  fill_tensor_map(out_map, DeviceView<const Out>(out), staging_rows);
  const Raster raster =
      raster_for(x.rows, weight.rows, columns, raster_group(x.cols * static_cast<std::int64_t>(sizeof(BFloat16))));
  const int clusters = std::min(raster.count(), stream.multiprocessors() / cluster_blocks);
  const int input_blocks = static_cast<int>((x.cols + bf16_inputs - 1) / bf16_inputs);
  function<<<clusters * cluster_blocks, hopper_threads, shared_bytes, stream.handle()>>>(x_map, weight_map, out_map, to,
                                                                                         raster, input_blocks);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

template <class Out>
void launch_gemm_bf16_hopper(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight,
                             DeviceSpan<const Out> bias, DeviceView<Out> out, bool accumulate, int columns,
                             const Stream& stream) {
  const EpiloguePointers<Out, Out> to{
      nullptr,    nullptr,    bias.empty() ? nullptr : bias.data, accumulate ? out.data : nullptr, out.data,
      out.stride, out.stride, static_cast<int>(out.rows),         static_cast<int>(out.cols)};
  switch (columns != 0 ? columns : best_columns(out.rows, out.cols, stream.multiprocessors())) {
    case 256:
      return launch<256>(x, weight, to, out, stream);
    case 192:
      return launch<192>(x, weight, to, out, stream);
    case 128:
      return launch<128>(x, weight, to, out, stream);
    default:
      return launch<64>(x, weight, to, out, stream);
  }
}

template void launch_gemm_bf16_hopper(DeviceView<const BFloat16>, DeviceView<const BFloat16>,
                                      DeviceSpan<const BFloat16>, DeviceView<BFloat16>, bool, int, const Stream&);
template void launch_gemm_bf16_hopper(DeviceView<const BFloat16>, DeviceView<const BFloat16>, DeviceSpan<const float>,
                                      DeviceView<float>, bool, int, const Stream&);

}  // namespace pare::kernels::detail
