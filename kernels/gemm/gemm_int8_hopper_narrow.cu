// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_epilogue.cuh"
#include "kernels/gemm/gemm_int8_launch.hpp"
#include "kernels/gemm/tensor_map.hpp"
#include "kernels/gemm/tma.cuh"
#include "kernels/gemm/wgmma.cuh"

namespace pare::kernels::detail {
namespace {

constexpr int tile_outputs = 128;
constexpr int tile_inputs = 128;
constexpr int multiplying_threads = 2 * warpgroup_threads;
constexpr int narrow_threads = multiplying_threads + 32;
/// Of one token's sums in shared memory: 132 words, so that neither writing by tokens nor reading by outputs conflicts.
constexpr int token_words = tile_outputs + 4;
constexpr int most_splits = 8;
/// Tokens that a thread finishes together, so that their reads from other blocks overlap.
constexpr int at_once = 4;

/// Blocks that share a multiprocessor: what is bound by memory gains from a second one.
constexpr int blocks_per_multiprocessor(int tokens) {
  return tokens <= 128 ? 2 : 1;
}

/// Shared memory from a multiple of 1024 bytes on: rings of tiles of weights and of x, then barriers. The sums take the
/// place of the rings at the end.
template <int tokens>
struct NarrowLayout {
  static constexpr int stages = tokens <= 32 ? 5 : tokens == 64 ? 4 : tokens == 128 ? 3 : 4;
  static constexpr int weight_bytes = tile_outputs * tile_inputs;
  static constexpr int x_bytes = tokens * tile_inputs;
  static constexpr int barriers = stages * (weight_bytes + x_bytes);
  static constexpr int total_bytes = barriers + 2 * stages * 8 + 1024;
  static_assert((total_bytes + 1024) * blocks_per_multiprocessor(tokens) <= 228 * 1024);
  static_assert(tokens * token_words * 4 <= barriers);

  std::uint32_t base;

  __device__ std::uint32_t weight(int stage) const { return base + stage * weight_bytes; }
  __device__ std::uint32_t x(int stage) const { return base + stages * weight_bytes + stage * x_bytes; }
  __device__ std::uint32_t full(int stage) const { return base + barriers + stage * 8; }
  __device__ std::uint32_t empty(int stage) const { return base + barriers + (stages + stage) * 8; }
};

__device__ inline int4 load_remote(std::uint32_t address) {
  int4 value;
  asm volatile("ld.shared::cluster.v4.s32 {%0, %1, %2, %3}, [%4];"
               : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w)
               : "r"(address)
               : "memory");
  return value;
}

}  // namespace

namespace kernel {

/// Few tokens: out^T = weight * x^T, so that the outputs fill the 64 rows of wgmma and the tokens its columns. Tile 128
/// outputs x `tokens` x 128 inputs a block; the blocks of a cluster share a tile and split the inputs, then each adds up
/// and finishes its part of the outputs through the others' shared memory: exact, the sums are integers. Bound by the
/// memory that the weights come from: 88 to 96 % of it on an H100 where the tiles fill the card (28672 outputs), 40 to 65 %
/// where few tiles are split.
template <class Out, int tokens>
__global__ void __launch_bounds__(narrow_threads, blocks_per_multiprocessor(tokens))
    gemm_int8_hopper_narrow(const __grid_constant__ CUtensorMap x_map, const __grid_constant__ CUtensorMap weight_map,
                            const EpiloguePointers<Out> to, const int input_blocks) {
  extern __shared__ unsigned char shared[];
  using Layout = NarrowLayout<tokens>;
  const Layout layout{(shared_address(shared) + 1023u) & ~1023u};
  const int splits = static_cast<int>(gridDim.x);
  const int split = static_cast<int>(blockIdx.x);
  const int first_block = input_blocks * split / splits;
  const int last_block = input_blocks * (split + 1) / splits;
  const int first_output = static_cast<int>(blockIdx.y) * tile_outputs;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Layout::stages; ++stage) {
      barrier_init(layout.full(stage), 1);
      barrier_init(layout.empty(stage), multiplying_threads / 32);
    }
    barrier_init_fence();
  }
  __syncthreads();

  if (warp == multiplying_threads / 32) {
    if (lane == 0) {
      RingPosition position;
      for (int block = first_block; block < last_block; ++block) {
        barrier_wait(layout.empty(position.stage), position.parity ^ 1);
        const std::uint32_t full = layout.full(position.stage);
        barrier_arrive_expecting(full, Layout::weight_bytes + Layout::x_bytes);
        tma_load(layout.weight(position.stage), &weight_map, block * tile_inputs, first_output, full);
        tma_load(layout.x(position.stage), &x_map, block * tile_inputs, 0, full);
        position.advance<Layout::stages>();
      }
    }
    __syncwarp();
  }

  std::int32_t sums[tokens / 2];
  if (warp < multiplying_threads / 32) {
    const std::uint32_t weight_offset = static_cast<std::uint32_t>(warp / 4) * 64 * tile_inputs;
    RingPosition position;
    int previous = 0;
    for (int block = first_block; block < last_block; ++block) {
      barrier_wait(layout.full(position.stage), position.parity);
      const std::uint64_t a = matrix_descriptor(layout.weight(position.stage) + weight_offset);
      const std::uint64_t b = matrix_descriptor(layout.x(position.stage));
      wgmma_fence();
#pragma unroll
      for (int i = 0; i < 4; ++i)
        Wgmma<tokens>::int8(sums, a + i * next_depth, b + i * next_depth, (block - first_block) | i);
      wgmma_commit();
      wgmma_wait<1>();
      if (block > first_block && lane == 0) barrier_arrive(layout.empty(previous));
      previous = position.stage;
      position.advance<Layout::stages>();
    }
    wgmma_wait<0>();
  }
  // All tiles have been read: their place is free.
  __syncthreads();
  if (warp < multiplying_threads / 32) {
    auto* const part = reinterpret_cast<std::int32_t*>(shared + (layout.base - shared_address(shared)));
    const int row = warp / 4 * 64 + warp % 4 * 16 + lane / 4;
#pragma unroll
    for (int j = 0; j < tokens / 8; ++j) {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        part[(8 * j + 2 * (lane % 4) + e % 2) * token_words + row + e / 2 * 8] = sums[4 * j + e];
      }
    }
  }
  // A thread finishes four neighbouring outputs of every token_step-th token.
  const int quads = tile_outputs / splits / 4;
  const int output = (split * quads + static_cast<int>(threadIdx.x) % quads) * 4;
  const int column = first_output + output;
  const int token_step = multiplying_threads / quads;
  const bool finishes = warp < multiplying_threads / 32 && column < to.n;
  float scales[4];
#pragma unroll
  for (int e = 0; e < 4; ++e) scales[e] = finishes && column + e < to.n ? __ldg(to.weight_scales + column + e) : 0.0f;
  if (splits > 1) {
    cluster_sync();
  } else {
    __syncthreads();
  }
  if (finishes) {
    for (int first = static_cast<int>(threadIdx.x) / quads; first < to.m; first += at_once * token_step) {
      int totals[at_once][4] = {};
      float x_scales[at_once];
#pragma unroll
      for (int i = 0; i < at_once; ++i) {
        const int token = first + i * token_step;
        if (token >= to.m) continue;
        x_scales[i] = __ldg(to.x_scales + token);
        const std::uint32_t place = layout.base + static_cast<std::uint32_t>((token * token_words + output) * 4);
#pragma unroll
        for (int other = 0; other < most_splits; ++other) {
          if (other >= splits) break;
          const int4 part = load_remote(at_rank(place, static_cast<std::uint32_t>(other)));
          totals[i][0] += part.x;
          totals[i][1] += part.y;
          totals[i][2] += part.z;
          totals[i][3] += part.w;
        }
      }
#pragma unroll
      for (int i = 0; i < at_once; ++i) {
        const int token = first + i * token_step;
        if (token >= to.m) continue;
        struct alignas(4 * sizeof(Out)) Quad {
          Out values[4];
        } quad{};
#pragma unroll
        for (int e = 0; e < 4; ++e) {
          if (column + e >= to.n) continue;
          const float scale = __fmul_rn(x_scales[i], scales[e]);
          round_to_out(finish(to, __int2float_rn(totals[i][e]), scale, token, column + e), quad.values[e]);
        }
        Out* const out = to.out + token * to.out_stride + column;
        if (column + 4 <= to.n) {
          *reinterpret_cast<Quad*>(out) = quad;
        } else {
#pragma unroll
          for (int e = 0; e < 3; ++e) {
            if (column + e < to.n) out[e] = quad.values[e];
          }
        }
      }
    }
  }
  // No block may leave while another still reads its sums.
  cluster_leave_together();
}

}  // namespace kernel

namespace {

template <int tokens, class Out>
void launch(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue, DeviceView<Out> out, int splits,
            const Stream& stream) {
  const auto function = kernel::gemm_int8_hopper_narrow<Out, tokens>;
  constexpr int shared_bytes = NarrowLayout<tokens>::total_bytes;
  const int input_blocks = static_cast<int>((operands.x.cols + tile_inputs - 1) / tile_inputs);
  const int tiles = static_cast<int>((out.cols + tile_outputs - 1) / tile_outputs);
  CUtensorMap x_map, weight_map;
  fill_tensor_map(x_map, operands.x, tokens);
  fill_tensor_map(weight_map, operands.weight, tile_outputs);
  CUDA_CALL(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim.x = static_cast<unsigned>(splits);
  cluster.val.clusterDim.y = 1;
  cluster.val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(splits), static_cast<unsigned>(tiles));
  config.blockDim = dim3(narrow_threads);
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream.handle();
  config.attrs = &cluster;
  config.numAttrs = 1;
  CUDA_CALL(cudaLaunchKernelEx(&config, function, x_map, weight_map, pointers_of(epilogue, out), input_blocks));
}

/// Into how many parts the inputs are split: so many that every multiprocessor has a block, at least two stages each.
/// Adding up more parts costs more than it gains (measured on an H100).
int best_splits(const Int8Operands& operands, const Stream& stream) {
  const std::int64_t tiles = (operands.weight.rows + tile_outputs - 1) / tile_outputs;
  const std::int64_t blocks = (operands.x.cols + tile_inputs - 1) / tile_inputs;
  int splits = 1;
  while (splits < most_splits && 2 * splits * tiles <= stream.multiprocessors() && 4 * splits <= blocks) splits *= 2;
  return splits;
}

}  // namespace

template <class Out>
void launch_gemm_int8_hopper_narrow(const Int8Operands& operands, const Int8Epilogue<Out>& epilogue,
                                    DeviceView<Out> out, const NarrowTuning& tuning, const Stream& stream) {
  EXPECT(out.rows <= most_narrow_tokens, out.rows, " tokens");
  const int splits = tuning.splits > 0 ? tuning.splits : best_splits(operands, stream);
  if (out.rows <= 16) return launch<16>(operands, epilogue, out, splits, stream);
  if (out.rows <= 32) return launch<32>(operands, epilogue, out, splits, stream);
  if (out.rows <= 64) return launch<64>(operands, epilogue, out, splits, stream);
  if (out.rows <= 128) return launch<128>(operands, epilogue, out, splits, stream);
  return launch<256>(operands, epilogue, out, splits, stream);
}

template void launch_gemm_int8_hopper_narrow(const Int8Operands&, const Int8Epilogue<BFloat16>&, DeviceView<BFloat16>,
                                             const NarrowTuning&, const Stream&);
template void launch_gemm_int8_hopper_narrow(const Int8Operands&, const Int8Epilogue<float>&, DeviceView<float>,
                                             const NarrowTuning&, const Stream&);

}  // namespace pare::kernels::detail
