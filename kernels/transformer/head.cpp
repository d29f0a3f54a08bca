// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/head.hpp"

#include <algorithm>

#include "kernels/transformer/head_tiles.hpp"

namespace pare::kernels {

LanguageHead::LanguageHead(MatrixView<const float> weight, Precision precision)
    : vocabulary_(weight.rows), hidden_(weight.cols) {
  for (std::int64_t first = 0; first < vocabulary_; first += detail::head_tile_words) {
    const std::int64_t words = std::min(detail::head_tile_words, vocabulary_ - first);
    tiles_.push_back(LinearWeights::from_float(weight.rows_from(first, words), precision));
  }
}

std::int64_t LanguageHead::memory_bytes() const {
  std::int64_t bytes = 0;
  for (const LinearWeights& tile : tiles_) bytes += tile.memory_bytes();
  return bytes;
}

void LanguageHead::logits(MatrixView<const float> hidden, MatrixView<float> out) const {
  EXPECT(hidden.cols == hidden_ && out.rows == hidden.rows && out.cols == vocabulary_, hidden.cols, " ", out.cols);
  std::int64_t first_word = 0;
  for (const LinearWeights& tile : tiles_) {
    tile.apply(hidden, {}, out.cols_from(first_word, tile.outputs()), false);
    first_word += tile.outputs();
  }
}

}  // namespace pare::kernels
