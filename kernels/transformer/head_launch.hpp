// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

/// The kernels behind head_gpu.hpp; checks are done before.

namespace pare::kernels::detail {

/// A block works on 128 tokens and one span of 1024 words, whatever the card and the number of tokens: what is summed
/// in which order depends on the vocabulary alone.
inline constexpr int head_block_tokens = 128;
inline constexpr int head_span_words = 1024;
/// Tiles of tokens that pass over the vocabulary together: their hidden states (16 MiB at width 4096) stay in the L2
/// cache while the weights stream by.
inline constexpr int head_tiles_together = 16;

struct HeadPlace {
  std::int64_t token_tile;
  int span;
};

/// What block `block` of token_tiles * spans works on: groups of `together` tiles of tokens, in a group span after span.
constexpr HeadPlace head_place(std::int64_t block, std::int64_t token_tiles, int spans,
                               int together = head_tiles_together) {
  const std::int64_t group = block / (together * std::int64_t{spans});
  const std::int64_t first = group * together;
  const std::int64_t tiles = token_tiles - first < together ? token_tiles - first : together;
  const std::int64_t inside = block - first * spans;
  return {first + inside % tiles, static_cast<int>(inside / tiles)};
}

constexpr int head_spans(std::int64_t vocabulary) {
  return static_cast<int>((vocabulary + head_span_words - 1) / head_span_words);
}

/// A block of the portable kernel leaves two partial sums a token, one of the Hopper kernel one.
inline constexpr int most_parts_of_span = 2;

struct HeadArguments {
  const BFloat16* hidden = nullptr;
  const BFloat16* weight = nullptr;
  std::int64_t hidden_stride = 0;
  std::int64_t weight_stride = 0;
  std::int64_t tokens = 0;
  int vocabulary = 0;
  int width = 0;
  int k = 0;
  const std::uint32_t* ids = nullptr;  ///< [tokens, k]
  std::int64_t ids_stride = 0;
  const std::uint32_t* targets = nullptr;
  float* partial = nullptr;  ///< [tokens][parts][2]: highest logit * log2(e), sum of 2^(logit * log2(e) - highest)
  int parts = 0;
  float* gathered = nullptr;       ///< [tokens, k]: the logits of the teacher's words
  float* target_logits = nullptr;  ///< [tokens]
  float* logits = nullptr;         ///< instead of all that, the logits themselves
  std::int64_t logits_stride = 0;
};

/// One run over the vocabulary: fills partial, gathered and target_logits. mma.sync, and wgmma for sm_90a.
void launch_head_score(const HeadArguments& arguments, const Stream& stream);
void launch_head_score_hopper(const HeadArguments& arguments, const Stream& stream);

/// Logits of all words in binary32, bit for bit those of the score of the same kind: logits [tokens, logits_stride],
/// logits_stride even.
void launch_head_logits(const HeadArguments& arguments, float* logits, std::int64_t logits_stride,
                        const Stream& stream);
void launch_head_logits_hopper(const HeadArguments& arguments, float* logits, std::int64_t logits_stride,
                               const Stream& stream);

/// From the above to the two losses.
struct HeadLosses {
  const float* teacher_log = nullptr;
  std::int64_t teacher_log_stride = 0;
  float* divergence = nullptr;
  float* negative_log_likelihood = nullptr;
};
void launch_head_losses(const HeadArguments& arguments, const HeadLosses& losses, const Stream& stream);

/// The k largest of every row of logits.
void launch_head_select(const float* logits, std::int64_t logits_stride, std::int64_t tokens, int vocabulary, int k,
                        std::uint32_t* ids, std::int64_t ids_stride, float* log_probabilities, std::int64_t log_stride,
                        const Stream& stream);

}  // namespace pare::kernels::detail
