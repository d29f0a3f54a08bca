// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_hopper.cuh"
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "kernels/gemm/tensor_map.hpp"

namespace pare::kernels::detail {
namespace {

static_assert(int8_group == tile_inputs, "a stage is a group");

constexpr int grouped_threads = (1 + grouped_warpgroups) * warpgroup_threads;
constexpr int grouped_loading_registers = 32;
constexpr int grouped_multiplying_registers = 160;
constexpr int grouped_releases = cluster_blocks * grouped_warpgroups * 4;

}  // namespace

namespace kernel {

/// gemm_int8_hopper with a tile of 192 x 128 x 128 a block, whose sums are scaled and added up in binary32 after every
/// stage: 64 sums and 64 totals a thread of three multiplying warpgroups, so that two can multiply while the third
/// scales, a conversion and a multiply-add for each sum (with two, taking turns or not, it was a fifth slower). 48 % of
/// what the matrix units do alone on an H100 at 8192 tokens. A second warp of the loading warpgroup brings the scales.
template <class Out, int columns>
__global__ void __launch_bounds__(grouped_threads, 1) __cluster_dims__(cluster_blocks, 1, 1)
    gemm_int8_grouped_hopper(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap weight_map,
                             const __grid_constant__ CUtensorMap out_map, const float* group_scales,
                             const std::int64_t group_stride, const EpiloguePointers<Out> to, const Raster raster,
                             const int input_blocks) {
  extern __shared__ __align__(1024) unsigned char shared[];
  using Layout = HopperLayout<columns, true>;
  const Layout layout{shared_address(shared)};
  const std::uint32_t rank = cluster_rank();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Layout::stages; ++stage) {
      barrier_init(layout.full(stage), 1 + 32);  // tiles, and scales from each lane of a warp
      barrier_init(layout.empty(stage), grouped_releases);
    }
    barrier_init_fence();
  }
  cluster_sync();

  const int warpgroup = static_cast<int>(threadIdx.x) / warpgroup_threads;
  if (warpgroup == 0) {
    give_up_registers<grouped_loading_registers>();
    if (threadIdx.x == 0) {
      load_tiles(layout, &x_map, &weight_map, raster, input_blocks, rank);
    } else if (threadIdx.x / 32 == 1) {
      RingPosition position;
      for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
           tile += static_cast<int>(gridDim.x) / cluster_blocks) {
        const int n = raster.at(tile).output_tile * columns;
#pragma unroll 1
        for (int block = 0; block < input_blocks; ++block) {
          barrier_wait(layout.empty(position.stage), position.parity ^ 1);
          const std::uint32_t scales = layout.base + Layout::scales + position.stage * Layout::scale_bytes;
#pragma unroll
          for (int i = 0; i < columns / 32; ++i) {
            const int output = n + 32 * i + lane;
            const bool there = output < to.n;
            copy_async_4(scales + (32 * i + lane) * 4, group_scales + (there ? output * group_stride + block : 0),
                         there);
          }
          barrier_arrive_after_copies(layout.full(position.stage));
          position.advance<Layout::stages>();
        }
      }
    }
  } else {
    take_registers<grouped_multiplying_registers>();
    const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
    const std::uint32_t x_offset = static_cast<std::uint32_t>(warpgroup - 1) * 64 * tile_inputs;
    TileWriter<Out, columns, false> writer(to, &out_map, shared, Layout::staging, Layout::scales, warp);
    RingPosition position;
    for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
         tile += static_cast<int>(gridDim.x) / cluster_blocks) {
      const Raster::Place place = raster.at(tile);
      const int m = (place.token_pair * cluster_blocks + static_cast<int>(rank)) * Layout::tokens + warp * 16;
      const int n = place.output_tile * columns;
      writer.fetch(m, n);
      float totals[columns / 2] = {};
      for (int block = 0; block < input_blocks; ++block) {
        std::int32_t sums[columns / 2];
        barrier_wait(layout.full(position.stage), position.parity);
        const std::uint64_t a = matrix_descriptor(layout.x(position.stage) + x_offset);
        const std::uint64_t b = matrix_descriptor(layout.weight(position.stage));
        wgmma_fence();
#pragma unroll
        for (int i = 0; i < 4; ++i) Wgmma<columns>::int8(sums, a + i * next_depth, b + i * next_depth, i);
        wgmma_commit();
        wgmma_wait<0>();
        const auto* const scales =
            reinterpret_cast<const float2*>(shared + Layout::scales + position.stage * Layout::scale_bytes) + lane % 4;
#pragma unroll
        for (int j = 0; j < columns / 8; ++j) {
          const float2 scale = scales[4 * j];
#pragma unroll
          for (int e = 0; e < 4; ++e) {
            float& total = totals[4 * j + e];
            total = __fmaf_rn(__int2float_rn(sums[4 * j + e]), e % 2 == 0 ? scale.x : scale.y, total);
          }
        }
        __syncwarp();
        release_stage(layout, position.stage);
        position.advance<Layout::stages>();
      }
      writer.write(m, n, [&](int i) { return totals[i]; });
    }
    writer.drain();
  }
  cluster_leave_together();
}

}  // namespace kernel

template <class Out>
void launch_gemm_int8_grouped_hopper(const Int8Operands& operands, DeviceView<const float> group_scales,
                                     const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, const HopperTuning& tuning,
                                     const Stream& stream) {
  constexpr int columns = 128;
  constexpr int raster_group = 8;
  const auto function = kernel::gemm_int8_grouped_hopper<Out, columns>;
  using Layout = HopperLayout<columns, true>;
  constexpr int shared_bytes = Layout::total_bytes;
  CUDA_CALL(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  CUtensorMap x_map, weight_map, out_map;
  fill_tensor_map(x_map, operands.x, Layout::tokens);
  fill_tensor_map(weight_map, operands.weight, columns / cluster_blocks);
  fill_tensor_map(out_map, DeviceView<const Out>(out), staging_rows);
  const Raster raster = raster_for(out.rows, out.cols, columns,
                                   tuning.raster_group > 0 ? tuning.raster_group : raster_group, Layout::tokens);
  const int clusters = std::min(raster.count(), stream.multiprocessors() / cluster_blocks);
  function<<<clusters * cluster_blocks, grouped_threads, shared_bytes, stream.handle()>>>(
      x_map, weight_map, out_map, group_scales.data, group_scales.stride, pointers_of(epilogue, out), raster,
      static_cast<int>(operands.x.cols / int8_group));
  CUDA_CHECK_LAUNCH();
}

template void launch_gemm_int8_grouped_hopper(const Int8Operands&, DeviceView<const float>,
                                              const Int8Epilogue<BFloat16>&, DeviceView<BFloat16>, const HopperTuning&,
                                              const Stream&);
template void launch_gemm_int8_grouped_hopper(const Int8Operands&, DeviceView<const float>, const Int8Epilogue<float>&,
                                              DeviceView<float>, const HopperTuning&, const Stream&);

}  // namespace pare::kernels::detail
