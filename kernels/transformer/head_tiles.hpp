// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::kernels::detail {

/// 64 tokens by 1024 words are 256 KiB of logits, which stay in the second cache until they are used up.
inline constexpr std::int64_t head_tile_words = 1024;
inline constexpr std::int64_t head_tile_tokens = 64;

/// Calls body(first_token, token_count) for every tile of tokens, in parallel.
template <class Body>
void for_each_token_tile(std::int64_t tokens, const Body& body) {
  parallel_for(tokens, head_tile_tokens, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; t += head_tile_tokens) body(t, std::min(head_tile_tokens, end - t));
  });
}

/// Computes the logits of `hidden` tile by tile and calls use(t, first_word, logits, word_count) for every
/// row t of each.
template <class Use>
void for_each_logit_run(const std::vector<LinearWeights>& tiles, MatrixView<const float> hidden, const Use& use) {
  thread_local Matrix<float> logits;
  std::int64_t first_word = 0;
  for (const LinearWeights& tile : tiles) {
    logits.reshape(hidden.rows, tile.outputs());
    tile.apply(hidden, {}, logits.view(), false);
    for (std::int64_t t = 0; t < hidden.rows; ++t) use(t, first_word, logits.row(t), tile.outputs());
    first_word += tile.outputs();
  }
}

}  // namespace pare::kernels::detail
