// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/gemm_int8_hopper.cuh"
#include "kernels/gemm/tensor_map.hpp"
#include "kernels/transformer/head_row.cuh"

namespace pare::kernels::detail {
namespace kernel {

/// A tile of 128 tokens x 256 words x 64 values of bfloat16 has the bytes of one of int8 x 128, and takes its layout.
constexpr int tile_words = 256;
constexpr int tile_depth = swizzle_bytes / 2;
constexpr int stages_ahead = 2;
constexpr int pairs_together = head_tiles_together / cluster_blocks;
using HeadLayout = HopperLayout<tile_words, false>;
static_assert(head_block_tokens == tile_tokens && head_span_words % tile_words == 0);

/// What becomes of logits: log-sum-exp and the logits that losses need.
struct ScoreRows {
  HeadRow rows[2];
  int part;

  __device__ ScoreRows(const HeadArguments& arguments, std::int64_t first_row, const HeadPlace& place)
      : part(place.span) {
#pragma unroll
    for (int half = 0; half < 2; ++half) rows[half].begin(arguments, first_row + half * 8, part * head_span_words);
  }

  __device__ __forceinline__ void add(const HeadArguments& arguments, int word, float (&sums)[tile_words / 2]) {
#pragma unroll
    for (int half = 0; half < 2; ++half)
      rows[half].template add<tile_words / 8>(arguments, word,
                                              [&](int g, int i) -> float& { return sums[4 * g + 2 * half + i]; });
  }

  __device__ __forceinline__ void finish(const HeadArguments& arguments) {
#pragma unroll
    for (int half = 0; half < 2; ++half) rows[half].finish(arguments, part);
  }
};

/// All of them, as they are.
struct LogitRows {
  std::int64_t first_row;

  __device__ LogitRows(const HeadArguments&, std::int64_t first_row_, const HeadPlace&) : first_row(first_row_) {}

  __device__ __forceinline__ void add(const HeadArguments& arguments, int word,
                                      const float (&sums)[tile_words / 2]) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const std::int64_t token = first_row + half * 8;
      if (token >= arguments.tokens) continue;
      float* row = arguments.logits + token * arguments.logits_stride;
#pragma unroll
      for (int g = 0; g < tile_words / 8; ++g) {
        const int column = word + 8 * g + static_cast<int>(threadIdx.x) % 4 * 2;
        if (column < arguments.vocabulary)
          *reinterpret_cast<float2*>(row + column) = make_float2(sums[4 * g + 2 * half], sums[4 * g + 2 * half + 1]);
      }
    }
  }

  __device__ __forceinline__ void finish(const HeadArguments&) const {}
};

/// One thread of a block: keeps the ring of stages full, one tile of words after the other.
__device__ void load_words(const HeadLayout& layout, const CUtensorMap* hidden_map, const CUtensorMap* weight_map,
                           int first_token, int first_word, int last_word, int steps, std::uint32_t rank) {
  constexpr int half_words = tile_words / cluster_blocks;
  constexpr std::uint16_t both = (1 << cluster_blocks) - 1;
  RingPosition position;
  for (int word = first_word; word < last_word; word += tile_words) {
    for (int step = 0; step < steps; ++step) {
      barrier_wait(layout.empty(position.stage), position.parity ^ 1);
      const std::uint32_t full = layout.full(position.stage);
      barrier_arrive_expecting(full, HeadLayout::x_bytes + HeadLayout::weight_bytes);
      tma_load(layout.x(position.stage), hidden_map, step * tile_depth, first_token, full);
      tma_load_multicast(layout.weight(position.stage) + rank * half_words * swizzle_bytes, weight_map,
                         step * tile_depth, word + static_cast<int>(rank) * half_words, full, both);
      position.template advance<HeadLayout::stages>();
    }
  }
}

/// The tile of logits is 128 tokens x 256 words a block, two warpgroups of 64 x 256 (wgmma m64n256k16, 128 sums a thread),
/// depth 64; a third warpgroup loads four stages of 48 KiB, which are never drained between tiles of words. Two blocks,
/// neighbours along the tokens, form a cluster: each fetches half of the words for both, 32 KiB of the second-level cache a
/// block and stage. Compute-bound. One warpgroup is `lead` stages ahead, so that one works on its logits while the other
/// has the matrix units.
template <class Rows>
__global__ void __launch_bounds__(hopper_threads, 1) __cluster_dims__(cluster_blocks, 1, 1)
    head_hopper(const __grid_constant__ CUtensorMap hidden_map, const __grid_constant__ CUtensorMap weight_map,
                const HeadArguments arguments, const std::int64_t token_pairs, const int lead) {
  extern __shared__ __align__(1024) unsigned char shared[];
  const HeadLayout layout{shared_address(shared)};
  const std::uint32_t rank = cluster_rank();
  begin_ring(layout);

  const HeadPlace place =
      head_place(blockIdx.x / cluster_blocks, token_pairs, head_spans(arguments.vocabulary), pairs_together);
  const std::int64_t first_token = (place.token_tile * cluster_blocks + rank) * tile_tokens;
  const int first_word = place.span * head_span_words;
  const int last_word = min(first_word + head_span_words, arguments.vocabulary);
  const int steps = (arguments.width + tile_depth - 1) / tile_depth;
  const int warpgroup = static_cast<int>(threadIdx.x) / warpgroup_threads;
  if (warpgroup == 0) {
    give_up_registers<loading_registers>();
    if (threadIdx.x == 0)
      load_words(layout, &hidden_map, &weight_map, static_cast<int>(first_token), first_word, last_word, steps, rank);
  } else {
    take_registers<multiplying_registers>();
    const int lane_row = (static_cast<int>(threadIdx.x) / 32 - 4) * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
    const std::uint32_t token_offset = static_cast<std::uint32_t>(warpgroup - 1) * (HeadLayout::x_bytes / 2);
    Rows rows(arguments, first_token + lane_row, place);
    float sums[tile_words / 2];
#pragma unroll
    for (float& sum : sums) sum = 0.0f;
    RingPosition position;
    std::uint32_t lead_parity = 0;
    for (int word = first_word; word < last_word; word += tile_words) {
      if (lead > 0 && warpgroup == 2) barrier_wait(layout.lead(), lead_parity);
      lead_parity ^= 1;
      int previous = 0;
      for (int step = 0; step < steps; ++step) {
        if (step == lead && warpgroup == 1 && threadIdx.x % warpgroup_threads == 0 && lead > 0)
          barrier_arrive(layout.lead());
        barrier_wait(layout.full(position.stage), position.parity);
        const std::uint64_t a = matrix_descriptor(layout.x(position.stage) + token_offset);
        const std::uint64_t b = matrix_descriptor(layout.weight(position.stage));
        wgmma_fence();
#pragma unroll
        for (int d = 0; d < tile_depth / 16; ++d)
          Wgmma<tile_words>::bf16(sums, a + d * next_depth, b + d * next_depth, step | d);
        wgmma_commit();
        wgmma_wait<1>();
        if (step > 0) release_stage(layout, previous);
        previous = position.stage;
        position.template advance<HeadLayout::stages>();
      }
      wgmma_wait<0>();
      release_stage(layout, previous);
      rows.add(arguments, word, sums);
    }
    rows.finish(arguments);
  }
  // Neither block may leave while the other still writes to its memory.
  cluster_leave_together();
}

}  // namespace kernel

namespace {

template <class Rows>
void launch(const HeadArguments& arguments, const Stream& stream) {
  constexpr int pair = cluster_blocks * tile_tokens;
  constexpr int shared_bytes = kernel::HeadLayout::total_bytes;
  const std::int64_t pairs = (arguments.tokens + pair - 1) / pair;
  const std::int64_t blocks = pairs * head_spans(arguments.vocabulary) * cluster_blocks;
  EXPECT(blocks <= 0x7fffffff && arguments.tokens <= 0x3fffffff, arguments.tokens, " tokens");
  CUtensorMap hidden_map, weight_map;
  fill_tensor_map(
      hidden_map,
      DeviceView<const BFloat16>(arguments.hidden, arguments.tokens, arguments.width, arguments.hidden_stride),
      tile_tokens);
  fill_tensor_map(
      weight_map,
      DeviceView<const BFloat16>(arguments.weight, arguments.vocabulary, arguments.width, arguments.weight_stride),
      kernel::tile_words / cluster_blocks);
  const auto function = kernel::head_hopper<Rows>;
  CUDA_CALL(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  const int steps = (arguments.width + kernel::tile_depth - 1) / kernel::tile_depth;
  function<<<static_cast<unsigned>(blocks), hopper_threads, shared_bytes, stream.handle()>>>(
      hidden_map, weight_map, arguments, pairs, steps < fewest_blocks_to_lead ? 0 : kernel::stages_ahead);
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void launch_head_score_hopper(const HeadArguments& arguments, const Stream& stream) {
  launch<kernel::ScoreRows>(arguments, stream);
}

void launch_head_logits_hopper(const HeadArguments& arguments, float* logits, std::int64_t logits_stride,
                               const Stream& stream) {
  HeadArguments with_logits = arguments;
  with_logits.logits = logits;
  with_logits.logits_stride = logits_stride;
  launch<kernel::LogitRows>(with_logits, stream);
}

}  // namespace pare::kernels::detail
