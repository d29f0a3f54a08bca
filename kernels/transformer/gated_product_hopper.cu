// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <type_traits>

#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_hopper.cuh"
#include "kernels/gemm/tensor_map.hpp"
#include "kernels/transformer/gated_product.hpp"
#include "kernels/transformer/swiglu_row.cuh"

namespace pare::kernels {
namespace detail::kernel {

/// Weights of a tile: as many outputs of gate, then the same ones of up.
constexpr int gated_columns = 256;
constexpr int gated_outputs = gated_columns / 2;
using GatedLayout = HopperLayout<gated_columns, false>;

/// Of int8: by token, by output of gate and of up.
struct GatedScales {
  const float* x;
  const float* gate;
  const float* up;
};

/// Tile 128 x (128 + 128) x 128 bytes of K a block, cut and fetched as gemm_int8_hopper's, but that one block of a cluster
/// fetches the weights of gate and the other those of up. A thread then holds the sums of both for the same outputs: n of
/// gate is sum i, n of up sum i + 64. Bound by the matrix units; one multiplying warpgroup starts `lead` stages before the
/// other, so that exponentials and stores of one lie beside products of the other.
template <class Sum>
__global__ void __launch_bounds__(hopper_threads, 1) __cluster_dims__(cluster_blocks, 1, 1)
    gated_product(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap gate_map,
                  const __grid_constant__ CUtensorMap up_map, const __grid_constant__ CUtensorMap out_map,
                  const EpiloguePointers<BFloat16> to, const GatedScales scales, const Raster raster,
                  const int input_blocks, const int lead) {
  constexpr bool is_int8 = std::is_same_v<Sum, std::int32_t>;
  constexpr int stage_inputs = is_int8 ? tile_inputs : tile_inputs / 2;
  extern __shared__ __align__(1024) unsigned char shared[];
  const GatedLayout layout{shared_address(shared)};
  const std::uint32_t rank = cluster_rank();
  begin_ring(layout);

  const int warpgroup = static_cast<int>(threadIdx.x) / warpgroup_threads;
  if (warpgroup == 0) {
    give_up_registers<loading_registers>();
    if (threadIdx.x == 0) {
      const CUtensorMap* const weight_map = rank == 0 ? &gate_map : &up_map;
      prefetch_tensor_map(&x_map);
      prefetch_tensor_map(weight_map);
      load_tiles<GatedLayout, stage_inputs, true>(layout, &x_map, weight_map, raster, input_blocks, rank);
    }
  } else {
    take_registers<multiplying_registers>();
    const int thread = static_cast<int>(threadIdx.x) % warpgroup_threads;
    const int lane = thread % 32;
    const int warp = static_cast<int>(threadIdx.x) / 32 - 4;
    const std::uint32_t x_offset = static_cast<std::uint32_t>(warpgroup - 1) * 64 * swizzle_bytes;
    TileWriter<BFloat16, gated_outputs, false> writer(to, &out_map, shared, GatedLayout::staging, GatedLayout::scales,
                                                      warp);
    float* const output_scales =
        reinterpret_cast<float*>(shared + GatedLayout::scales) + (warpgroup - 1) * gated_columns;
    Sum sums[gated_columns / 2];
    RingPosition position;
    std::uint32_t lead_parity = 0;
    for (int tile = static_cast<int>(blockIdx.x) / cluster_blocks; tile < raster.count();
         tile += static_cast<int>(gridDim.x) / cluster_blocks) {
      const Raster::Place place = raster.at(tile);
      const int m = (place.token_pair * cluster_blocks + static_cast<int>(rank)) * tile_tokens + warp * 16;
      const int n = place.output_tile * gated_outputs;
      writer.fetch(m, n);
      float x_scales[2] = {};
      if constexpr (is_int8) {
        warpgroup_sync(warpgroup);  // the scales of the tile before may still be read
        const bool there = n + thread < to.n;
        copy_async_4(shared_address(output_scales + thread), scales.gate + (there ? n + thread : 0), there);
        copy_async_4(shared_address(output_scales + gated_outputs + thread), scales.up + (there ? n + thread : 0),
                     there);
        for (int half = 0; half < 2; ++half) {
          const int row = m + lane / 4 + 8 * half;
          if (row < to.m) x_scales[half] = __ldg(scales.x + row);
        }
      }
      if (lead > 0 && warpgroup == 2) barrier_wait(layout.lead(), lead_parity);
      lead_parity ^= 1;
      int previous = 0;
      for (int block = 0; block < input_blocks; ++block) {
        if (block == lead && warpgroup == 1 && thread == 0 && lead > 0) barrier_arrive(layout.lead());
        barrier_wait(layout.full(position.stage), position.parity);
        const std::uint64_t a = matrix_descriptor(layout.x(position.stage) + x_offset);
        const std::uint64_t b = matrix_descriptor(layout.weight(position.stage));
        wgmma_fence();
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          if constexpr (is_int8) {
            Wgmma<gated_columns>::int8(sums, a + i * next_depth, b + i * next_depth, block | i);
          } else {
            Wgmma<gated_columns>::bf16(sums, a + i * next_depth, b + i * next_depth, block | i);
          }
        }
        wgmma_commit();
        wgmma_wait<1>();
        if (block > 0) release_stage(layout, previous);
        previous = position.stage;
        position.advance<GatedLayout::stages>();
      }
      wgmma_wait<0>();
      release_stage(layout, previous);
      constexpr int of_up = gated_outputs / 2;
      if constexpr (is_int8) {
        wait_for_copies();
        warpgroup_sync(warpgroup);
        writer.write(m, n, [&](int i) {
          const int column = i / 4 * 8 + lane % 4 * 2 + i % 2;
          const float x_scale = x_scales[i % 4 / 2];
          return device::swiglu(
              __fmul_rn(__int2float_rn(sums[i]), __fmul_rn(x_scale, output_scales[column])),
              __fmul_rn(__int2float_rn(sums[i + of_up]), __fmul_rn(x_scale, output_scales[gated_outputs + column])));
        });
      } else {
        writer.write(m, n, [&](int i) { return device::swiglu(sums[i], sums[i + of_up]); });
      }
    }
    writer.drain();
  }
  // Neither block may leave while the other still writes to its memory.
  cluster_leave_together();
}

}  // namespace detail::kernel

namespace {

using namespace detail;

template <class Sum, class T>
void launch(DeviceView<const T> x, DeviceView<const T> gate, DeviceView<const T> up, const kernel::GatedScales& scales,
            DeviceView<BFloat16> out, const Stream& stream) {
  EXPECT(has_gated_products(stream));
  EXPECT(x.cols == gate.cols && x.cols == up.cols && x.cols > 0 && gate.rows == up.rows, x.cols, " inputs, ", gate.rows,
         " x ", gate.cols, " and ", up.rows, " x ", up.cols);
  EXPECT(out.rows == x.rows && out.cols == gate.rows, out.rows, " x ", out.cols, " for ", x.rows, " x ", gate.rows);
  if (out.size() == 0) return;
  const auto function = kernel::gated_product<Sum>;
  constexpr int shared_bytes = kernel::GatedLayout::total_bytes;
  CUDA_CALL(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  CUtensorMap x_map, gate_map, up_map, out_map;
  fill_tensor_map(x_map, x, tile_tokens);
  fill_tensor_map(gate_map, gate, kernel::gated_outputs);
  fill_tensor_map(up_map, up, kernel::gated_outputs);
  fill_tensor_map(out_map, DeviceView<const BFloat16>(out), staging_rows);
  constexpr auto bytes = static_cast<std::int64_t>(sizeof(T));
  const Raster raster = raster_for(out.rows, out.cols, kernel::gated_outputs, raster_group(x.cols * bytes));
  const int clusters = std::min(raster.count(), stream.multiprocessors() / cluster_blocks);
  const int input_blocks = static_cast<int>((x.cols * bytes + swizzle_bytes - 1) / swizzle_bytes);
  const EpiloguePointers<BFloat16> to{nullptr,
                                      nullptr,
                                      nullptr,
                                      nullptr,
                                      out.data,
                                      0,
                                      out.stride,
                                      static_cast<int>(out.rows),
                                      static_cast<int>(out.cols)};
  function<<<clusters * cluster_blocks, hopper_threads, shared_bytes, stream.handle()>>>(
      x_map, gate_map, up_map, out_map, to, scales, raster, input_blocks, input_blocks < fewest_blocks_to_lead ? 0 : 1);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

bool has_gated_products(const Stream& stream) {
  constexpr int hopper = 90;
  return stream.compute_capability() == hopper;
}

void gated_product(DeviceView<const BFloat16> x, DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up,
                   DeviceView<BFloat16> out, const Stream& stream) {
  launch<float>(x, gate, up, {}, out, stream);
}

void gated_product(const ScaledCodes& x, const ScaledCodes& gate, const ScaledCodes& up, DeviceView<BFloat16> out,
                   const Stream& stream) {
  EXPECT(x.scales.size == x.codes.rows && gate.scales.size == gate.codes.rows && up.scales.size == up.codes.rows);
  launch<std::int32_t>(x.codes, gate.codes, up.codes, {x.scales.data, gate.scales.data, up.scales.data}, out, stream);
}

}  // namespace pare::kernels
