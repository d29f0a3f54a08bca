// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/attention_launch.hpp"
#include "kernels/transformer/mma_bf16.cuh"
#include "kernels/transformer/register_wgmma.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int attention_threads = 2 * warpgroup_threads;
constexpr int tile_queries = 128;
constexpr int tile_keys = 128;
constexpr int buffers = 2;
constexpr int panel_values = 64;  // of a row, 128 bytes
constexpr int panel_bytes = tile_keys * swizzle_bytes;

template <int dim>
constexpr int tile_bytes = tile_keys* dim * 2;
template <int dim>
constexpr int attention_shared_bytes = tile_queries* dim * 2 + 2 * buffers* tile_bytes<dim>;

/// Starts the copy of rows [first, first + 128) of one head into panels of 64 values a row; rows from `count` on become zeros.
template <int dim>
__device__ void copy_panels(std::uint32_t tile, const __nv_bfloat16* head, std::int64_t stride, int first, int count) {
  constexpr int chunks = dim / chunk_values;
  const int chunk = static_cast<int>(threadIdx.x) % chunks;
  const int row = static_cast<int>(threadIdx.x) / chunks;
#pragma unroll
  for (int r = 0; r < tile_keys; r += attention_threads / chunks) {
    const bool exists = first + r + row < count;
    copy_chunk(tile + chunk / 8 * panel_bytes + 2 * tile_offset(r + row, chunk % 8, panel_values),
               head + (exists ? first + r + row : 0) * stride + chunk * chunk_values, exists);
  }
}

/// Rows [first, first + 128) in the layout of the portable kernel.
template <int dim>
__device__ void copy_queries(std::uint32_t tile, const __nv_bfloat16* head, std::int64_t stride, int first, int count) {
  constexpr int chunks = dim / chunk_values;
  const int chunk = static_cast<int>(threadIdx.x) % chunks;
  const int row = static_cast<int>(threadIdx.x) / chunks;
#pragma unroll
  for (int r = 0; r < tile_queries; r += attention_threads / chunks) {
    const bool exists = first + r + row < count;
    copy_chunk(tile + 2 * tile_offset(r + row, chunk, dim),
               head + (exists ? first + r + row : 0) * stride + chunk * chunk_values, exists);
  }
}

/// Starts scores = queries * keys^T.
template <int steps>
__device__ __forceinline__ void start_scores(float (&scores)[tile_keys / 2], const std::uint32_t (&queries)[steps][4],
                                             std::uint32_t keys) {
  wgmma_fence();
#pragma unroll
  for (int step = 0; step < steps; ++step)
    RegisterWgmma<tile_keys>::bf16<0>(scores, queries[step],
                                      matrix_descriptor(keys + step / 4 * panel_bytes) + step % 4 * next_depth,
                                      step > 0 ? 1 : 0);
  wgmma_commit();
}

/// Starts sums += weights * values.
template <int dim>
__device__ __forceinline__ void start_sums(float (&sums)[dim / 2], const std::uint32_t (&weights)[tile_keys / 16][4],
                                           std::uint32_t values) {
  wgmma_fence();
#pragma unroll
  for (int step = 0; step < tile_keys / 16; ++step)
    RegisterWgmma<dim>::template bf16<1>(sums, weights[step],
                                         transposed_descriptor(values + step * 16 * swizzle_bytes, panel_bytes), 1);
  wgmma_commit();
}

/// Scores become weights, `key` being the first of the thread's keys, `query` its first row (the other is 8 further).
__device__ __forceinline__ void exponentiate(float (&scores)[tile_keys / 2], float (&highest)[2], float (&totals)[2],
                                             float (&shrink)[2], int query, int key, bool masked, float scale) {
  if (masked) {
#pragma unroll
    for (int i = 0; i < tile_keys / 2; ++i)
      if (key + i / 4 * 8 + i % 2 > query + i / 2 % 2 * 8) scores[i] = -INFINITY;
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float top = scores[2 * half];
#pragma unroll
    for (int n = 0; n < tile_keys / 8; ++n)
      top = fmaxf(top, fmaxf(scores[4 * n + 2 * half], scores[4 * n + 2 * half + 1]));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
    // Every query sees key 0, so that `top` is finite from the first tile on.
    top = fmaxf(highest[half], top * scale);
    shrink[half] = exp2_fast(highest[half] - top);
    highest[half] = top;
    float total = 0.0f;
#pragma unroll
    for (int n = 0; n < tile_keys / 8; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float& score = scores[4 * n + 2 * half + i];
        score = exp2_fast(fmaf(score, scale, -top));
        total += score;
      }
    totals[half] = fmaf(totals[half], shrink[half], total);
  }
}

/// Weights to bfloat16, as the A operand of the second product.
__device__ __forceinline__ void round_weights(std::uint32_t (&weights)[tile_keys / 16][4],
                                              const float (&scores)[tile_keys / 2]) {
#pragma unroll
  for (int step = 0; step < tile_keys / 16; ++step)
#pragma unroll
    for (int i = 0; i < 4; ++i) weights[step][i] = pack_bf16(scores[8 * step + 2 * i], scores[8 * step + 2 * i + 1]);
}

/// causal_tiles for wgmma: 128 queries of one head in a block, 64 in each of two warpgroups, queries, scores, weights and
/// outputs in registers, against tiles of 128 keys; two buffers of keys and two of values, 160 KiB of shared memory at dim
/// 128, one block a multiprocessor. Compute-bound. As in FlashAttention-3 (Shah 2024), step j starts scores(j) and
/// outputs(j - 1) and makes the exponentials of j while the latter are under way. When the threads meet in step j, both
/// warpgroups are done with keys j - 1 and values j - 2, whose places take keys j + 1 and values j.
template <int dim>
__global__ void __launch_bounds__(attention_threads, 1) causal_hopper(const CausalArguments arguments) {
  extern __shared__ __align__(1024) unsigned char shared[];
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * 16;
  const int head = static_cast<int>(blockIdx.x) % arguments.heads;
  const std::int64_t first_token = std::int64_t{blockIdx.x / arguments.heads} * arguments.length;
  const int first_query = static_cast<int>(gridDim.y - 1 - blockIdx.y) * tile_queries;  // the longest rows go first
  const int kv_head = head / arguments.group;
  const auto* q = reinterpret_cast<const __nv_bfloat16*>(arguments.q) + first_token * arguments.q_stride + head * dim;
  const auto* k =
      reinterpret_cast<const __nv_bfloat16*>(arguments.k) + first_token * arguments.k_stride + kv_head * dim;
  const auto* v =
      reinterpret_cast<const __nv_bfloat16*>(arguments.v) + first_token * arguments.v_stride + kv_head * dim;
  const std::uint32_t q_tile = shared_address(shared);
  const std::uint32_t k_tiles = q_tile + tile_queries * dim * 2;
  const std::uint32_t v_tiles = k_tiles + buffers * tile_bytes<dim>;
  const float scale = log2_e * rsqrtf(static_cast<float>(dim));
  const int tiles = (min(first_query + tile_queries, arguments.length) + tile_keys - 1) / tile_keys;
  const auto copy_keys = [&](int tile) {
    if (tile < tiles)
      copy_panels<dim>(k_tiles + tile % buffers * tile_bytes<dim>, k, arguments.k_stride, tile * tile_keys,
                       arguments.length);
  };
  const auto copy_values = [&](int tile) {
    if (tile < tiles)
      copy_panels<dim>(v_tiles + tile % buffers * tile_bytes<dim>, v, arguments.v_stride, tile * tile_keys,
                       arguments.length);
  };

  copy_queries<dim>(q_tile, q, arguments.q_stride, first_query, arguments.length);
  copy_keys(0);
  commit_copies();
  copy_keys(1);
  copy_values(0);
  commit_copies();
  wait_for_copies<1>();
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  std::uint32_t queries[dim / 16][4];
  const TilePlace place = place_of_a(lane);
#pragma unroll
  for (int step = 0; step < dim / 16; ++step)
    load_matrices(queries[step], q_tile + 2 * tile_offset(warp_row + place.row, 2 * step + place.chunk, dim));
  float sums[dim / 2];
#pragma unroll
  for (float& sum : sums) sum = 0.0f;
  float scores[tile_keys / 2];
#pragma unroll
  for (float& score : scores) score = 0.0f;
  std::uint32_t weights[tile_keys / 16][4];
  float highest[2] = {-INFINITY, -INFINITY};  // of the scores, in powers of two
  float totals[2] = {};
  float shrink[2];
  const int query = first_query + warp_row + lane / 4;
  const int key = lane % 4 * 2;

  start_scores(scores, queries, k_tiles);
  wgmma_wait<0>();
  hold(scores);
  exponentiate(scores, highest, totals, shrink, query, key, tiles == 1, scale);
  round_weights(weights, scores);
  for (int tile = 1; tile < tiles; ++tile) {
    wait_for_copies<0>();
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    copy_keys(tile + 1);
    copy_values(tile);
    commit_copies();
    start_scores(scores, queries, k_tiles + tile % buffers * tile_bytes<dim>);
    start_sums<dim>(sums, weights, v_tiles + (tile - 1) % buffers * tile_bytes<dim>);
    wgmma_wait<1>();
    hold(scores);
    exponentiate(scores, highest, totals, shrink, query, tile * tile_keys + key, tile == tiles - 1, scale);
    wgmma_wait<0>();
    hold(sums);
    hold(scores);
#pragma unroll
    for (int i = 0; i < dim / 2; ++i) sums[i] *= shrink[i / 2 % 2];
    round_weights(weights, scores);
  }
  wait_for_copies<0>();
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  start_sums<dim>(sums, weights, v_tiles + (tiles - 1) % buffers * tile_bytes<dim>);
  wgmma_wait<0>();
  hold(sums);

  // A warp's own queries are in registers: their place takes its outputs, so that rows leave in 16-byte pieces.
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    float total = totals[half];
    total += __shfl_xor_sync(0xffffffffu, total, 1);
    total += __shfl_xor_sync(0xffffffffu, total, 2);
    const float inverse = 1.0f / total;
#pragma unroll
    for (int n = 0; n < dim / 8; ++n)
      *reinterpret_cast<std::uint32_t*>(shared +
                                        2 * (tile_offset(warp_row + half * 8 + lane / 4, n, dim) + lane % 4 * 2)) =
          pack_bf16(sums[4 * n + 2 * half] * inverse, sums[4 * n + 2 * half + 1] * inverse);
  }
  __syncwarp();
  auto* out = reinterpret_cast<__nv_bfloat16*>(arguments.out) + first_token * arguments.out_stride + head * dim;
  constexpr int chunks = dim / chunk_values;
#pragma unroll
  for (int r = 0; r < 16; r += 32 / chunks) {
    const int row = warp_row + r + lane / chunks;
    const int chunk = lane % chunks;
    if (first_query + row < arguments.length) {
      *reinterpret_cast<uint4*>(out + (first_query + row) * arguments.out_stride + chunk * chunk_values) =
          *reinterpret_cast<const uint4*>(shared + 2 * tile_offset(row, chunk, dim));
    }
  }
}

}  // namespace kernel

namespace {

template <int dim>
void launch(const CausalArguments& arguments, const Stream& stream) {
  constexpr int shared_bytes = kernel::attention_shared_bytes<dim>;
  const int tiles = (arguments.length + kernel::tile_queries - 1) / kernel::tile_queries;
  const std::int64_t columns = arguments.windows * arguments.heads;
  EXPECT(tiles <= 65535 && columns <= 0x7fffffff, tiles, " tiles, ", columns, " heads");
  CUDA_CALL(
      cudaFuncSetAttribute(kernel::causal_hopper<dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  kernel::causal_hopper<dim><<<dim3(static_cast<unsigned>(columns), static_cast<unsigned>(tiles)),
                               kernel::attention_threads, shared_bytes, stream.handle()>>>(arguments);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void launch_causal_hopper(const CausalArguments& arguments, const Stream& stream) {
  if (arguments.dim == 128) {
    launch<128>(arguments, stream);
  } else {
    launch<64>(arguments, stream);
  }
}

}  // namespace pare::kernels::detail
