// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/head_row.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int head_threads = 256;
constexpr int tile_tokens = head_block_tokens;
constexpr int tile_words = 128;
constexpr int tile_depth = 64;
constexpr int stages = 3;
constexpr int warp_tokens = 32;
constexpr int warp_words = 64;
constexpr int operand_bytes = tile_tokens * tile_depth * 2;
constexpr int head_shared_bytes = stages * 2 * operand_bytes;
static_assert(tile_words == tile_tokens && head_span_words % tile_words == 0);

/// Starts the copy of 128 rows of 64 values, columns from `depth` on; zeros beyond `rows` and `width`.
__device__ void copy_operand(std::uint32_t tile, const __nv_bfloat16* matrix, std::int64_t stride, std::int64_t first,
                             std::int64_t rows, int depth, int width) {
  const int chunk = static_cast<int>(threadIdx.x) % 8;
#pragma unroll
  for (int r = 0; r < tile_tokens; r += head_threads / 8) {
    const int row = r + static_cast<int>(threadIdx.x) / 8;
    const bool exists = first + row < rows && depth + chunk * chunk_values < width;
    copy_chunk(tile + 2 * tile_offset(row, chunk, tile_depth),
               exists ? matrix + (first + row) * stride + depth + chunk * chunk_values : matrix, exists);
  }
}

/// Logits of 128 tokens against one span of words, 128 at a time: eight warps of 32 x 64 (64 sums a thread), depth
/// 64, three stages of 32 KiB filled by cp.async and never drained between tiles of words. Compute-bound. use(m,
/// half, first_word, logit) is called for each of a thread's four rows of a tile.
template <class Use>
__device__ void for_each_logit_row(const HeadArguments& arguments, std::int64_t first_token, int first_word,
                                   const Use& use) {
  extern __shared__ __align__(1024) unsigned char shared[];
  const auto* hidden = reinterpret_cast<const __nv_bfloat16*>(arguments.hidden);
  const auto* weight = reinterpret_cast<const __nv_bfloat16*>(arguments.weight);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_row = warp / 2 * warp_tokens;
  const int warp_column = warp % 2 * warp_words;
  const TilePlace place_a = place_of_a(lane);
  const TilePlace place_b = place_of_b(lane);
  const std::uint32_t base = shared_address(shared);
  const int last_word = min(first_word + head_span_words, arguments.vocabulary);
  const int steps = (arguments.width + tile_depth - 1) / tile_depth;

  int copy_word = first_word;
  int copy_step = 0;
  int copy_slot = 0;
  const auto copy_next = [&] {
    if (copy_word < last_word) {
      const std::uint32_t slot = base + copy_slot * 2 * operand_bytes;
      copy_operand(slot, hidden, arguments.hidden_stride, first_token, arguments.tokens, copy_step * tile_depth,
                   arguments.width);
      copy_operand(slot + operand_bytes, weight, arguments.weight_stride, copy_word, arguments.vocabulary,
                   copy_step * tile_depth, arguments.width);
      copy_slot = copy_slot + 1 == stages ? 0 : copy_slot + 1;
      if (++copy_step == steps) {
        copy_step = 0;
        copy_word += tile_words;
      }
    }
    copy_async_commit();
  };
#pragma unroll
  for (int i = 0; i < stages - 1; ++i) copy_next();

  int slot_index = 0;
  for (int word = first_word; word < last_word; word += tile_words) {
    float sums[2][warp_words / 8][4] = {};
    for (int step = 0; step < steps; ++step) {
      copy_async_wait<stages - 2>();
      __syncthreads();
      copy_next();
      const std::uint32_t a_tile = base + slot_index * 2 * operand_bytes;
      const std::uint32_t b_tile = a_tile + operand_bytes;
      slot_index = slot_index + 1 == stages ? 0 : slot_index + 1;
#pragma unroll
      for (int d = 0; d < tile_depth / 16; ++d) {
        std::uint32_t a[2][4];
#pragma unroll
        for (int m = 0; m < 2; ++m)
          load_matrices(a[m],
                        a_tile + 2 * tile_offset(warp_row + m * 16 + place_a.row, 2 * d + place_a.chunk, tile_depth));
#pragma unroll
        for (int n = 0; n < warp_words / 16; ++n) {
          std::uint32_t b[4];
          load_matrices(
              b, b_tile + 2 * tile_offset(warp_column + n * 16 + place_b.row, 2 * d + place_b.chunk, tile_depth));
#pragma unroll
          for (int m = 0; m < 2; ++m) {
            multiply_bfloat16(sums[m][2 * n], a[m], b[0], b[1]);
            multiply_bfloat16(sums[m][2 * n + 1], a[m], b[2], b[3]);
          }
        }
      }
    }
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        use(m, half, word + warp_column, [&](int g, int i) -> float& { return sums[m][g][2 * half + i]; });
  }
}

__device__ std::int64_t token_of(std::int64_t first_token, int m, int half) {
  return first_token + threadIdx.x / 64 * warp_tokens + m * 16 + half * 8 + threadIdx.x % 32 / 4;
}

__global__ void __launch_bounds__(head_threads) score(const HeadArguments arguments, std::int64_t token_tiles) {
  const HeadPlace place = head_place(blockIdx.x, token_tiles, head_spans(arguments.vocabulary));
  const std::int64_t first_token = place.token_tile * tile_tokens;
  const int first_word = place.span * head_span_words;
  const int column_warp = static_cast<int>(threadIdx.x) / 32 % 2;
  HeadRow rows[2][2];
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half)
      rows[m][half].begin(arguments, token_of(first_token, m, half), first_word + column_warp * warp_words);
  for_each_logit_row(arguments, first_token, first_word, [&](int m, int half, int word, const auto& logit) {
    rows[m][half].template add<warp_words / 8>(arguments, word, logit);
  });
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) rows[m][half].finish(arguments, place.span * 2 + column_warp);
}

__global__ void __launch_bounds__(head_threads)
    logits(const HeadArguments arguments, std::int64_t token_tiles, float* out, std::int64_t out_stride) {
  const HeadPlace place = head_place(blockIdx.x, token_tiles, head_spans(arguments.vocabulary));
  const std::int64_t first_token = place.token_tile * tile_tokens;
  for_each_logit_row(
      arguments, first_token, place.span * head_span_words, [&](int m, int half, int word, const auto& logit) {
        const std::int64_t token = token_of(first_token, m, half);
        if (token >= arguments.tokens) return;
#pragma unroll
        for (int g = 0; g < warp_words / 8; ++g) {
          const int column = word + 8 * g + static_cast<int>(threadIdx.x) % 4 * 2;
          if (column < arguments.vocabulary)
            *reinterpret_cast<float2*>(out + token * out_stride + column) = make_float2(logit(g, 0), logit(g, 1));
        }
      });
}

}  // namespace kernel

namespace {

std::int64_t token_tiles_of(const HeadArguments& arguments) {
  return (arguments.tokens + head_block_tokens - 1) / head_block_tokens;
}

unsigned blocks_of(const HeadArguments& arguments) {
  const std::int64_t blocks = token_tiles_of(arguments) * head_spans(arguments.vocabulary);
  EXPECT(blocks <= 0x7fffffff, arguments.tokens, " tokens");
  return static_cast<unsigned>(blocks);
}

}  // namespace

void launch_head_score(const HeadArguments& arguments, const Stream& stream) {
  CUDA_CALL(
      cudaFuncSetAttribute(kernel::score, cudaFuncAttributeMaxDynamicSharedMemorySize, kernel::head_shared_bytes));
  kernel::score<<<blocks_of(arguments), kernel::head_threads, kernel::head_shared_bytes, stream.handle()>>>(
      arguments, token_tiles_of(arguments));
  CUDA_CHECK_LAUNCH();
}

void launch_head_logits(const HeadArguments& arguments, float* logits, std::int64_t logits_stride,
                        const Stream& stream) {
  CUDA_CALL(
      cudaFuncSetAttribute(kernel::logits, cudaFuncAttributeMaxDynamicSharedMemorySize, kernel::head_shared_bytes));
  kernel::logits<<<blocks_of(arguments), kernel::head_threads, kernel::head_shared_bytes, stream.handle()>>>(
      arguments, token_tiles_of(arguments), logits, logits_stride);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
