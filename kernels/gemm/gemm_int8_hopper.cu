// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_hopper.cuh"
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "kernels/gemm/tensor_map.hpp"

namespace pare::kernels::detail {
namespace kernel {

/// Tile 128 x `columns` x 128 a block (see gemm_int8_hopper.cuh), four wgmma m64 n`columns` k32 a warpgroup and stage;
/// bound by the matrix units: 63 to 75 % of what they do alone on an H100 from 2048 tokens on, at its power limit. One
/// multiplying warpgroup starts every tile `lead` stages before the other: while one writes its results, the other has
/// the matrix units to itself.
template <class Out, int columns>
__global__ void __launch_bounds__(hopper_threads, 1) __cluster_dims__(cluster_blocks, 1, 1)
    gemm_int8_hopper(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap weight_map,
                     const __grid_constant__ CUtensorMap out_map, const EpiloguePointers<Out> to, const Raster raster,
                     const int input_blocks, const int lead) {
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
      load_tiles(layout, &x_map, &weight_map, raster, input_blocks, rank);
    }
  } else {
    take_registers<multiplying_registers>();
    const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
    const std::uint32_t x_offset = static_cast<std::uint32_t>(warpgroup - 1) * 64 * tile_inputs;
    TileWriter<Out, columns, true> writer(to, &out_map, shared, Layout::staging, Layout::scales, warp);
    std::int32_t sums[columns / 2];
    RingPosition position;
    std::uint32_t lead_parity = 0;
    for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
         tile += static_cast<int>(gridDim.x) / cluster_blocks) {
      const Raster::Place place = raster.at(tile);
      const int m = (place.token_pair * cluster_blocks + static_cast<int>(rank)) * tile_tokens + warp * 16;
      const int n = place.output_tile * columns;
      writer.fetch(m, n);
      if (lead > 0 && warpgroup == 2) barrier_wait(layout.lead(), lead_parity);
      lead_parity ^= 1;
      int previous = 0;
      for (int block = 0; block < input_blocks; ++block) {
        if (block == lead && warpgroup == 1 && threadIdx.x % warpgroup_threads == 0 && lead > 0)
          barrier_arrive(layout.lead());
        barrier_wait(layout.full(position.stage), position.parity);
        const std::uint64_t a = matrix_descriptor(layout.x(position.stage) + x_offset);
        const std::uint64_t b = matrix_descriptor(layout.weight(position.stage));
        wgmma_fence();
#pragma unroll
        for (int i = 0; i < 4; ++i) Wgmma<columns>::int8(sums, a + i * next_depth, b + i * next_depth, block | i);
        wgmma_commit();
        wgmma_wait<1>();
        if (block > 0) release_stage(layout, previous);
        previous = position.stage;
        position.advance<Layout::stages>();
      }
      wgmma_wait<0>();
      release_stage(layout, previous);
      writer.write(m, n, [&](int i) { return __int2float_rn(sums[i]); });
    }
    writer.drain();
  }
  // Neither block may leave while the other still writes to its memory.
  cluster_leave_together();
}

}  // namespace kernel

namespace {

/// The width of tiles that is done first: rounds of clusters times the width, narrow tiles being dearer because each loads
/// its tokens anew.
int best_columns(std::int64_t tokens, std::int64_t outputs, int multiprocessors) {
  struct Width {
    int columns;
    double cost;  ///< of a tile, relative to its width
  };
  constexpr Width widths[] = {{256, 1.0}, {192, 1.04}, {128, 1.12}};
  const int clusters = multiprocessors / cluster_blocks;
  int best = 0;
  double lowest = 0.0;
  for (const Width& width : widths) {
    const int tiles = raster_for(tokens, outputs, width.columns, 1).count();
    const double cost = (tiles + clusters - 1) / clusters * width.columns * width.cost;
    if (best == 0 || cost < lowest) {
      best = width.columns;
      lowest = cost;
    }
  }
  return best;
}

constexpr int stages_ahead = 1;

template <int columns, class Out>
void launch(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
            const HopperTuning& tuning, const Stream& stream) {
  const auto function = kernel::gemm_int8_hopper<Out, columns>;
  constexpr int shared_bytes = HopperLayout<columns, false>::total_bytes;
  CUDA_CALL(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  CUtensorMap x_map, weight_map, out_map;
  fill_tensor_map(x_map, operands.x, tile_tokens);
  fill_tensor_map(weight_map, operands.weight, columns / cluster_blocks);
  fill_tensor_map(out_map, DeviceView<const Out>(out), staging_rows);
  const Raster raster = raster_for(out.rows, out.cols, columns, tuning.raster_group);
  const int clusters = std::min(raster.count(), stream.multiprocessors() / cluster_blocks);
  const int input_blocks = static_cast<int>((operands.x.cols + tile_inputs - 1) / tile_inputs);
  function<<<clusters * cluster_blocks, hopper_threads, shared_bytes, stream.handle()>>>(
      x_map, weight_map, out_map, pointers_of(epilogue, out), raster, input_blocks,
      input_blocks < fewest_blocks_to_lead ? 0 : tuning.lead);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

template <class Out>
void launch_gemm_int8_hopper(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out,
                             const HopperTuning& tuning, const Stream& stream) {
  HopperTuning chosen = tuning;
  if (chosen.raster_group == 0) chosen.raster_group = raster_group(operands.x.cols);
  if (chosen.lead == 0) chosen.lead = stages_ahead;
  if (chosen.columns == 0) chosen.columns = best_columns(out.rows, out.cols, stream.multiprocessors());
  switch (chosen.columns) {
    case 256:
      return launch<256>(operands, epilogue, out, chosen, stream);
    case 192:
      return launch<192>(operands, epilogue, out, chosen, stream);
    default:
      return launch<128>(operands, epilogue, out, chosen, stream);
  }
}

template void launch_gemm_int8_hopper(const Int8Operands&, const Int8Epilogue<BFloat16>&, DeviceView<BFloat16>,
                                      const HopperTuning&, const Stream&);
template void launch_gemm_int8_hopper(const Int8Operands&, const Int8Epilogue<float>&, DeviceView<float>,
                                      const HopperTuning&, const Stream&);

}  // namespace pare::kernels::detail
