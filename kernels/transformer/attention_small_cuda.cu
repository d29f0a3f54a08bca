// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/attention_launch.hpp"
#include "kernels/transformer/mma_bf16.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int small_queries = 128;
constexpr int small_keys = 64;
constexpr int keys_at_once = 8;

/// Eight bfloat16 to binary32.
__device__ __forceinline__ void widen(float (&to)[chunk_values], uint4 chunk) {
  const std::uint32_t words[4] = {chunk.x, chunk.y, chunk.z, chunk.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    to[2 * i] = __uint_as_float(words[i] << 16);
    to[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
  }
}

/// Brings keys [first, first + 64) of one head to shared memory in binary32; zeros from `count` on.
template <int dim>
__device__ void widen_rows(float (&to)[small_keys][dim], const __nv_bfloat16* head, std::int64_t stride, int first,
                           int count) {
  constexpr int chunks = dim / chunk_values;
  for (int i = static_cast<int>(threadIdx.x); i < small_keys * chunks; i += small_queries) {
    const int row = i / chunks;
    const int column = i % chunks * chunk_values;
    float values[chunk_values] = {};
    if (first + row < count)
      widen(values, __ldg(reinterpret_cast<const uint4*>(head + (first + row) * stride + column)));
    auto* place = reinterpret_cast<float4*>(&to[row][column]);
    place[0] = make_float4(values[0], values[1], values[2], values[3]);
    place[1] = make_float4(values[4], values[5], values[6], values[7]);
  }
}

/// A thread a query, for the head sizes of small models: query and sums in registers, tiles of 128 queries x 64 keys, keys
/// and values in shared memory in binary32, where all threads read the same ones at a time. Eight keys between one look at
/// the highest score and the next. Bound by shared memory and the exponentials. What a query may not see never touches it.
template <int dim>
__global__ void __launch_bounds__(small_queries) causal_small(const CausalArguments arguments) {
  __shared__ __align__(16) float keys[small_keys][dim];
  __shared__ __align__(16) float values[small_keys][dim];
  const int head = static_cast<int>(blockIdx.x) % arguments.heads;
  const std::int64_t first_token = std::int64_t{blockIdx.x / arguments.heads} * arguments.length;
  const int first_query = static_cast<int>(gridDim.y - 1 - blockIdx.y) * small_queries;  // the longest rows go first
  const int own = first_query + static_cast<int>(threadIdx.x);
  const int query = min(own, arguments.length - 1);
  const int last_query_of_warp = min(own | 31, arguments.length - 1);
  const int end = min(first_query + small_queries, arguments.length);
  const std::int64_t column = std::int64_t{head / arguments.group} * dim;
  const auto* q = reinterpret_cast<const __nv_bfloat16*>(arguments.q) + (first_token + query) * arguments.q_stride +
                  std::int64_t{head} * dim;
  const auto* k = reinterpret_cast<const __nv_bfloat16*>(arguments.k) + first_token * arguments.k_stride + column;
  const auto* v = reinterpret_cast<const __nv_bfloat16*>(arguments.v) + first_token * arguments.v_stride + column;

  float scaled[dim];
  float sums[dim];
  const float scale = log2_e * rsqrtf(static_cast<float>(dim));
#pragma unroll
  for (int d = 0; d < dim; d += chunk_values) {
    float chunk[chunk_values];
    widen(chunk, __ldg(reinterpret_cast<const uint4*>(q + d)));
#pragma unroll
    for (int i = 0; i < chunk_values; ++i) {
      scaled[d + i] = chunk[i] * scale;
      sums[d + i] = 0.0f;
    }
  }
  float highest = -INFINITY;  // of the scores, in powers of two
  float total = 0.0f;
  for (int first_key = 0; first_key < end; first_key += small_keys) {
    __syncthreads();
    widen_rows<dim>(keys, k, arguments.k_stride, first_key, end);
    widen_rows<dim>(values, v, arguments.v_stride, first_key, end);
    __syncthreads();
    for (int j = 0; j < small_keys && first_key + j <= last_query_of_warp; j += keys_at_once) {
      const int visible = query - first_key - j;  // of these keys, the last one
      float scores[keys_at_once];
      // Every query sees key 0, so that `top` is finite from the first keys on.
      float top = highest;
#pragma unroll
      for (int i = 0; i < keys_at_once; ++i) {
        const auto* key = reinterpret_cast<const float4*>(keys[j + i]);
        float score = 0.0f;
#pragma unroll
        for (int d = 0; d < dim / 4; ++d) {
          const float4 four = key[d];
          score = fmaf(scaled[4 * d], four.x, score);
          score = fmaf(scaled[4 * d + 1], four.y, score);
          score = fmaf(scaled[4 * d + 2], four.z, score);
          score = fmaf(scaled[4 * d + 3], four.w, score);
        }
        scores[i] = i <= visible ? score : -INFINITY;
        top = fmaxf(top, scores[i]);
      }
      const float shrink = exp2_fast(highest - top);
      highest = top;
      total *= shrink;
#pragma unroll
      for (float& sum : sums) sum *= shrink;
#pragma unroll
      for (int i = 0; i < keys_at_once; ++i) {
        if (i > visible) continue;
        const float weight = exp2_fast(scores[i] - top);
        total += weight;
        const auto* value = reinterpret_cast<const float4*>(values[j + i]);
#pragma unroll
        for (int d = 0; d < dim / 4; ++d) {
          const float4 four = value[d];
          sums[4 * d] = fmaf(weight, four.x, sums[4 * d]);
          sums[4 * d + 1] = fmaf(weight, four.y, sums[4 * d + 1]);
          sums[4 * d + 2] = fmaf(weight, four.z, sums[4 * d + 2]);
          sums[4 * d + 3] = fmaf(weight, four.w, sums[4 * d + 3]);
        }
      }
    }
  }
  if (own >= arguments.length) return;
  auto* out = reinterpret_cast<__nv_bfloat16*>(arguments.out) + (first_token + own) * arguments.out_stride +
              std::int64_t{head} * dim;
#pragma unroll
  for (int d = 0; d < dim; d += chunk_values) {
    *reinterpret_cast<uint4*>(out + d) = make_uint4(
        pack_bf16(sums[d] / total, sums[d + 1] / total), pack_bf16(sums[d + 2] / total, sums[d + 3] / total),
        pack_bf16(sums[d + 4] / total, sums[d + 5] / total), pack_bf16(sums[d + 6] / total, sums[d + 7] / total));
  }
}

}  // namespace kernel

namespace {

template <int dim>
void launch(const CausalArguments& arguments, const Stream& stream) {
  const int tiles = (arguments.length + kernel::small_queries - 1) / kernel::small_queries;
  const std::int64_t columns = arguments.windows * arguments.heads;
  EXPECT(tiles <= 65535 && columns <= 0x7fffffff, tiles, " tiles, ", columns, " heads");
  kernel::causal_small<dim><<<dim3(static_cast<unsigned>(columns), static_cast<unsigned>(tiles)), kernel::small_queries,
                              0, stream.handle()>>>(arguments);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void launch_causal_small(const CausalArguments& arguments, const Stream& stream) {
  switch (arguments.dim) {
    case 8:
      return launch<8>(arguments, stream);
    case 16:
      return launch<16>(arguments, stream);
    case 24:
      return launch<24>(arguments, stream);
    case 32:
      return launch<32>(arguments, stream);
    default:
      EXPECT(arguments.dim == 48, arguments.dim);
      return launch<48>(arguments, stream);
  }
}

}  // namespace pare::kernels::detail
