// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/attention_launch.hpp"
#include "kernels/transformer/attention_row.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int row_warps = 4;

/// A warp a token and head, for the head sizes that have no kernel of their own: tile 1 query x 32 keys, no matrix units.
/// Bound by the loads of keys, which come from the caches.
__global__ void __launch_bounds__(32 * row_warps) causal_rows(const CausalArguments arguments, std::int64_t rows) {
  __shared__ float queries[row_warps][most_head_dim];
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const std::int64_t row = std::int64_t{blockIdx.x} * row_warps + warp;
  if (row >= rows) return;
  const std::int64_t token = row / arguments.heads;
  const int head = static_cast<int>(row % arguments.heads);
  const std::int64_t first = token / arguments.length * arguments.length;
  const int dim = arguments.dim;
  const std::int64_t column = std::int64_t{head / arguments.group} * dim;
  load_query(queries[warp],
             reinterpret_cast<const __nv_bfloat16*>(arguments.q) + token * arguments.q_stride + head * dim, dim);
  constexpr int pairs = most_head_dim / 64;
  AttentionRow<pairs, 8> state;
  state.add(queries[warp], reinterpret_cast<const __nv_bfloat16*>(arguments.k) + first * arguments.k_stride + column,
            arguments.k_stride,
            reinterpret_cast<const __nv_bfloat16*>(arguments.v) + first * arguments.v_stride + column,
            arguments.v_stride, static_cast<int>(token - first) + 1, dim);
  auto* out = reinterpret_cast<__nv_bfloat16*>(arguments.out) + token * arguments.out_stride + head * dim;
#pragma unroll
  for (int i = 0; i < pairs; ++i) {
    const int d = 2 * lane + 64 * i;
    if (d < dim) {
      *reinterpret_cast<std::uint32_t*>(out + d) =
          pack_bf16(state.sums[i][0] / state.total, state.sums[i][1] / state.total);
    }
  }
}

/// One span of 64 positions of one key-value head of one sequence: a warp for each of its query heads, so that they
/// share keys and values in the first cache. Memory-bound.
template <int pairs, int most_group>
__global__ void __launch_bounds__(32 * most_group) decode_span(const DecodeArguments arguments) {
  extern __shared__ float query[];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int group = static_cast<int>(blockDim.x) / 32;
  const int dim = arguments.dim;
  const int span = static_cast<int>(blockIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y) % arguments.kv_heads;
  const std::int64_t sequence = blockIdx.y / arguments.kv_heads;
  const int head = kv_head * group + warp;
  const std::int64_t position = std::int64_t{arguments.kv_heads} * dim;
  const std::int64_t begin = std::int64_t{span} * span_positions;
  const std::int64_t first = begin * position + std::int64_t{kv_head} * dim;
  load_query(query + warp * dim,
             reinterpret_cast<const __nv_bfloat16*>(arguments.q) + sequence * arguments.q_stride + head * dim, dim);
  AttentionRow<pairs, most_group <= 8 ? 8 : 4> state;
  state.add(query + warp * dim,
            reinterpret_cast<const __nv_bfloat16*>(arguments.keys) + sequence * arguments.key_stride + first, position,
            reinterpret_cast<const __nv_bfloat16*>(arguments.values) + sequence * arguments.value_stride + first,
            position, min(span_positions, arguments.length - static_cast<int>(begin)), dim);
  float* partial =
      arguments.partial + ((sequence * arguments.heads + head) * static_cast<int>(gridDim.x) + span) * (dim + 2);
#pragma unroll
  for (int i = 0; i < pairs; ++i) {
    const int d = 2 * lane + 64 * i;
    if (d < dim) {
      partial[d] = state.sums[i][0];
      partial[d + 1] = state.sums[i][1];
    }
  }
  if (lane == 0) {
    partial[dim] = state.highest;
    partial[dim + 1] = state.total;
  }
}

/// Merges the spans of one head in their order; a thread a value. Memory-bound, and small.
__global__ void decode_merge(const DecodeArguments arguments, int spans) {
  const int dim = arguments.dim;
  const int head = static_cast<int>(blockIdx.x) % arguments.heads;
  const std::int64_t sequence = blockIdx.x / arguments.heads;
  const float* mine = arguments.partial + std::int64_t{blockIdx.x} * spans * (dim + 2);
  const int d = static_cast<int>(threadIdx.x);
  float highest = -INFINITY;
#pragma unroll 16
  for (int s = 0; s < spans; ++s) highest = fmaxf(highest, mine[s * (dim + 2) + dim]);
  float sum = 0.0f;
  float total = 0.0f;
#pragma unroll 16
  for (int s = 0; s < spans; ++s) {
    const float* span = mine + s * (dim + 2);
    const float weight = exp2_fast(span[dim] - highest);
    sum = fmaf(span[d], weight, sum);
    total = fmaf(span[dim + 1], weight, total);
  }
  auto* out = reinterpret_cast<__nv_bfloat16*>(arguments.out);
  out[sequence * arguments.out_stride + head * dim + d] = __float2bfloat16_rn(sum / total);
}

}  // namespace kernel

void launch_causal_rows(const CausalArguments& arguments, const Stream& stream) {
  const std::int64_t rows = arguments.windows * arguments.length * arguments.heads;
  const std::int64_t blocks = (rows + kernel::row_warps - 1) / kernel::row_warps;
  EXPECT(blocks <= 0x7fffffff, rows, " rows");
  kernel::causal_rows<<<static_cast<unsigned>(blocks), 32 * kernel::row_warps, 0, stream.handle()>>>(arguments, rows);
  CUDA_CHECK_LAUNCH();
}

void launch_decode(const DecodeArguments& arguments, std::int64_t sequences, const Stream& stream) {
  const int group = arguments.heads / arguments.kv_heads;
  const int spans = decode_spans(arguments.length);
  EXPECT(sequences * arguments.kv_heads <= 65535, sequences, " sequences");
  const dim3 grid(static_cast<unsigned>(spans), static_cast<unsigned>(sequences * arguments.kv_heads));
  const std::size_t shared_bytes = sizeof(float) * static_cast<std::size_t>(group * arguments.dim);
  const auto decode_span = group > 8              ? kernel::decode_span<4, most_decode_group>
                           : arguments.dim <= 128 ? kernel::decode_span<2, 8>
                                                  : kernel::decode_span<4, 8>;
  decode_span<<<grid, static_cast<unsigned>(32 * group), shared_bytes, stream.handle()>>>(arguments);
  CUDA_CHECK_LAUNCH();
  kernel::decode_merge<<<static_cast<unsigned>(sequences * arguments.heads), static_cast<unsigned>(arguments.dim), 0,
                         stream.handle()>>>(arguments, spans);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
