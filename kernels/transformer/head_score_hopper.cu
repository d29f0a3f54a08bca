// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/wgmma.cuh"
#include "kernels/transformer/head_row.cuh"

namespace pare::kernels::detail {
namespace kernel {

constexpr int head_threads = 2 * warpgroup_threads;
constexpr int tile_tokens = head_block_tokens;
constexpr int tile_words = 256;
constexpr int tile_depth = 64;
constexpr int stages = 4;
constexpr int token_bytes = tile_tokens * swizzle_bytes;
constexpr int stage_bytes = token_bytes + tile_words * swizzle_bytes;
constexpr int head_shared_bytes = stages * stage_bytes;
static_assert(tile_depth * 2 == swizzle_bytes && head_span_words % tile_words == 0);

/// Starts the copy of `count` rows of 64 values, columns from `depth` on; zeros beyond `rows` and `width`.
template <int count>
__device__ void copy_rows(std::uint32_t tile, const __nv_bfloat16* matrix, std::int64_t stride, std::int64_t first,
                          std::int64_t rows, int depth, int width) {
  const int chunk = static_cast<int>(threadIdx.x) % 8;
  const int row = static_cast<int>(threadIdx.x) / 8;
  const bool inside = depth + chunk * chunk_values < width;
  const __nv_bfloat16* from = matrix + (first + row) * stride + depth + chunk * chunk_values;
#pragma unroll
  for (int r = 0; r < count; r += head_threads / 8) {
    const bool exists = inside && first + row + r < rows;
    copy_chunk(tile + 2 * tile_offset(row + r, chunk, tile_depth), exists ? from + r * stride : matrix, exists);
  }
}

/// The tile of logits is 128 tokens x 256 words, two warpgroups of 64 x 256 (wgmma m64n256k16, 128 sums a thread),
/// depth 64; four stages of 48 KiB with TMA's 128-byte swizzle, filled by cp.async two stages ahead and never drained
/// between tiles of words. Compute-bound; the tile needs 48 bytes a clock of the L2 cache at full rate. Why a stage
/// may be overwritten: when the threads meet in step i, each has waited for its products of step i - 2.
__global__ void __launch_bounds__(head_threads, 1)
    score_hopper(const HeadArguments arguments, std::int64_t token_tiles) {
  extern __shared__ __align__(1024) unsigned char shared[];
  const auto* hidden = reinterpret_cast<const __nv_bfloat16*>(arguments.hidden);
  const auto* weight = reinterpret_cast<const __nv_bfloat16*>(arguments.weight);
  const HeadPlace place = head_place(blockIdx.x, token_tiles, head_spans(arguments.vocabulary));
  const std::int64_t first_token = place.token_tile * tile_tokens;
  const int first_word = place.span * head_span_words;
  const int last_word = min(first_word + head_span_words, arguments.vocabulary);
  const int steps = (arguments.width + tile_depth - 1) / tile_depth;
  const std::uint32_t base = shared_address(shared);
  const std::uint32_t token_offset = threadIdx.x / warpgroup_threads * (token_bytes / 2);

  int copy_word = first_word;
  int copy_step = 0;
  int copy_slot = 0;
  const auto copy_next = [&] {
    if (copy_word < last_word) {
      const std::uint32_t slot = base + copy_slot * stage_bytes;
      copy_rows<tile_tokens>(slot, hidden, arguments.hidden_stride, first_token, arguments.tokens,
                             copy_step * tile_depth, arguments.width);
      copy_rows<tile_words>(slot + token_bytes, weight, arguments.weight_stride, copy_word, arguments.vocabulary,
                            copy_step * tile_depth, arguments.width);
      copy_slot = (copy_slot + 1) % stages;
      if (++copy_step == steps) {
        copy_step = 0;
        copy_word += tile_words;
      }
    }
    commit_copies();
  };
#pragma unroll
  for (int i = 0; i < stages - 2; ++i) copy_next();

  const int lane_row = static_cast<int>(threadIdx.x) / 32 * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
  HeadRow rows[2];
#pragma unroll
  for (int half = 0; half < 2; ++half) rows[half].begin(arguments, first_token + lane_row + half * 8, first_word);

  float sums[tile_words / 2];
#pragma unroll
  for (float& sum : sums) sum = 0.0f;
  int slot_index = 0;
  for (int word = first_word; word < last_word; word += tile_words) {
    for (int step = 0; step < steps; ++step) {
      wait_for_copies<stages - 3>();
      asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
      __syncthreads();
      const std::uint32_t slot = base + slot_index * stage_bytes;
      slot_index = (slot_index + 1) % stages;
      const std::uint64_t a = matrix_descriptor(slot + token_offset);
      const std::uint64_t b = matrix_descriptor(slot + token_bytes);
      wgmma_fence();
#pragma unroll
      for (int d = 0; d < tile_depth / 16; ++d)
        Wgmma<tile_words>::bf16(sums, a + d * next_depth, b + d * next_depth, d > 0 || step > 0 ? 1 : 0);
      wgmma_commit();
      copy_next();
      wgmma_wait<1>();
    }
    wgmma_wait<0>();
#pragma unroll
    for (int half = 0; half < 2; ++half)
      rows[half].template add<tile_words / 8>(arguments, word,
                                              [&](int g, int i) -> float& { return sums[4 * g + 2 * half + i]; });
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) rows[half].finish(arguments, place.span);
}

}  // namespace kernel

void launch_head_score_hopper(const HeadArguments& arguments, const Stream& stream) {
  const std::int64_t token_tiles = (arguments.tokens + head_block_tokens - 1) / head_block_tokens;
  const std::int64_t blocks = token_tiles * head_spans(arguments.vocabulary);
  EXPECT(blocks <= 0x7fffffff, arguments.tokens, " tokens");
  CUDA_CALL(cudaFuncSetAttribute(kernel::score_hopper, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 kernel::head_shared_bytes));
  kernel::
      score_hopper<<<static_cast<unsigned>(blocks), kernel::head_threads, kernel::head_shared_bytes, stream.handle()>>>(
          arguments, token_tiles);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
