// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/attention_launch.hpp"
#include "kernels/transformer/mma_bf16.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int attention_threads = 128;
constexpr int tile_queries = 128;
constexpr int tile_keys = 64;
constexpr int warp_queries = 32;

template <int dim>
constexpr int attention_shared_bytes = (tile_queries + 2 * tile_keys) * dim * 2;

/// Starts the copy of rows [first, first + rows) of one head into a tile; rows from `count` on become zeros.
template <int dim, int rows>
__device__ void copy_tile(std::uint32_t tile, const __nv_bfloat16* head, std::int64_t stride, int first, int count) {
  constexpr int chunks = dim / chunk_values;
  constexpr int rows_at_once = attention_threads / chunks;
  const int chunk = static_cast<int>(threadIdx.x) % chunks;
  const int row = static_cast<int>(threadIdx.x) / chunks;
#pragma unroll
  for (int r = 0; r < rows; r += rows_at_once) {
    const bool exists = first + r + row < count;
    copy_chunk(tile + 2 * tile_offset(r + row, chunk, dim),
               head + (exists ? first + r + row : 0) * stride + chunk * chunk_values, exists);
  }
}

/// FlashAttention-2 (Dao 2023): 128 queries of one head in a block, 32 in each of four warps, against tiles of 64
/// keys. Scores and outputs stay in registers (192 a thread at dim 128); a tile of values is copied while the scores
/// are made, the next tile of keys while they are used: 64 KiB of shared memory at dim 128, two blocks a
/// multiprocessor. Compute-bound. 32 rows a warp, so that fetching the fragments of a tile from shared memory takes
/// no longer than its products. The softmax is kept in powers of two, in binary32; weights are rounded to bfloat16,
/// their sum is not.
template <int dim>
__global__ void __launch_bounds__(attention_threads, 2) causal_tiles(const CausalArguments arguments) {
  extern __shared__ __align__(128) unsigned char shared[];
  constexpr int depth_steps = dim / 16;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp_row = static_cast<int>(threadIdx.x) / 32 * warp_queries;
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
  const std::uint32_t k_tile = q_tile + tile_queries * dim * 2;
  const std::uint32_t v_tile = k_tile + tile_keys * dim * 2;
  const TilePlace place_a = place_of_a(lane);
  const TilePlace place_b = place_of_b(lane);
  const float scale = log2_e * rsqrtf(static_cast<float>(dim));

  float sums[2][dim / 8][4] = {};
  float highest[2][2] = {{-INFINITY, -INFINITY}, {-INFINITY, -INFINITY}};  // of the scores, in powers of two
  float totals[2][2] = {};

  const int keys = min(first_query + tile_queries, arguments.length);
  copy_tile<dim, tile_queries>(q_tile, q, arguments.q_stride, first_query, arguments.length);
  copy_tile<dim, tile_keys>(k_tile, k, arguments.k_stride, 0, arguments.length);
  copy_async_commit();
  for (int first_key = 0; first_key < keys; first_key += tile_keys) {
    // The warps have used up the last tile of values when they meet here, and this tile of keys is complete.
    copy_async_wait<0>();
    __syncthreads();
    copy_tile<dim, tile_keys>(v_tile, v, arguments.v_stride, first_key, arguments.length);
    copy_async_commit();
    const bool seen = first_key <= first_query + warp_row + warp_queries - 1;
    float scores[2][tile_keys / 8][4];
    if (seen) {
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int n = 0; n < tile_keys / 8; ++n)
#pragma unroll
          for (int i = 0; i < 4; ++i) scores[m][n][i] = 0.0f;
#pragma unroll
      for (int step = 0; step < depth_steps; ++step) {
        std::uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m)
          load_matrices(a[m], q_tile + 2 * tile_offset(warp_row + m * 16 + place_a.row, 2 * step + place_a.chunk, dim));
#pragma unroll
        for (int n = 0; n < tile_keys / 16; ++n) {
          std::uint32_t b[4];
          load_matrices(b, k_tile + 2 * tile_offset(n * 16 + place_b.row, 2 * step + place_b.chunk, dim));
#pragma unroll
          for (int m = 0; m < 2; ++m) {
            multiply_bfloat16(scores[m][2 * n], a[m], b[0], b[1]);
            multiply_bfloat16(scores[m][2 * n + 1], a[m], b[2], b[3]);
          }
        }
      }
      if (first_key + tile_keys - 1 > first_query + warp_row) {
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
          for (int n = 0; n < tile_keys / 8; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              const int query = first_query + warp_row + m * 16 + lane / 4 + i / 2 * 8;
              const int key = first_key + n * 8 + lane % 4 * 2 + i % 2;
              if (key > query) scores[m][n][i] = -INFINITY;
            }
      }
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          float top = scores[m][0][2 * half];
#pragma unroll
          for (int n = 0; n < tile_keys / 8; ++n)
            top = fmaxf(top, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
          top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
          top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
          // Every query sees key 0, so that `top` is finite from the first tile on.
          top = fmaxf(highest[m][half], top * scale);
          const float shrink = exp2_fast(highest[m][half] - top);
          highest[m][half] = top;
          float total = 0.0f;
#pragma unroll
          for (int n = 0; n < tile_keys / 8; ++n)
#pragma unroll
            for (int i = 2 * half; i < 2 * half + 2; ++i) {
              scores[m][n][i] = exp2_fast(fmaf(scores[m][n][i], scale, -top));
              total += scores[m][n][i];
            }
          totals[m][half] = fmaf(totals[m][half], shrink, total);
#pragma unroll
          for (int n = 0; n < dim / 8; ++n) {
            sums[m][n][2 * half] *= shrink;
            sums[m][n][2 * half + 1] *= shrink;
          }
        }
    }
    copy_async_wait<0>();
    __syncthreads();
    if (first_key + tile_keys < keys) {
      copy_tile<dim, tile_keys>(k_tile, k, arguments.k_stride, first_key + tile_keys, arguments.length);
      copy_async_commit();
    }
    if (seen) {
#pragma unroll
      for (int step = 0; step < tile_keys / 16; ++step) {
        std::uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m) {
          a[m][0] = pack_bf16(scores[m][2 * step][0], scores[m][2 * step][1]);
          a[m][1] = pack_bf16(scores[m][2 * step][2], scores[m][2 * step][3]);
          a[m][2] = pack_bf16(scores[m][2 * step + 1][0], scores[m][2 * step + 1][1]);
          a[m][3] = pack_bf16(scores[m][2 * step + 1][2], scores[m][2 * step + 1][3]);
        }
#pragma unroll
        for (int n = 0; n < dim / 16; ++n) {
          std::uint32_t b[4];
          load_matrices_transposed(b, v_tile + 2 * tile_offset(step * 16 + place_a.row, 2 * n + place_a.chunk, dim));
#pragma unroll
          for (int m = 0; m < 2; ++m) {
            multiply_bfloat16(sums[m][2 * n], a[m], b[0], b[1]);
            multiply_bfloat16(sums[m][2 * n + 1], a[m], b[2], b[3]);
          }
        }
      }
    }
  }

  // A warp's own queries are not needed any more: their place takes its outputs, so that rows leave in 16-byte
  // pieces.
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float total = totals[m][half];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      const float inverse = 1.0f / total;
      const int row = warp_row + m * 16 + half * 8 + lane / 4;
#pragma unroll
      for (int n = 0; n < dim / 8; ++n) {
        const std::uint32_t pair = pack_bf16(sums[m][n][2 * half] * inverse, sums[m][n][2 * half + 1] * inverse);
        *reinterpret_cast<std::uint32_t*>(shared + 2 * (tile_offset(row, n, dim) + lane % 4 * 2)) = pair;
      }
    }
  __syncwarp();
  auto* out = reinterpret_cast<__nv_bfloat16*>(arguments.out) + first_token * arguments.out_stride + head * dim;
  constexpr int chunks = dim / chunk_values;
#pragma unroll
  for (int r = 0; r < warp_queries; r += 32 / chunks) {
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
  CUDA_CALL(cudaFuncSetAttribute(kernel::causal_tiles<dim>, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  kernel::causal_tiles<dim><<<dim3(static_cast<unsigned>(columns), static_cast<unsigned>(tiles)),
                              kernel::attention_threads, shared_bytes, stream.handle()>>>(arguments);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void launch_causal_tiles(const CausalArguments& arguments, const Stream& stream) {
  if (arguments.dim == 128) {
    launch<128>(arguments, stream);
  } else {
    launch<64>(arguments, stream);
  }
}

}  // namespace pare::kernels::detail
