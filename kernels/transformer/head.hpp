// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/matrix_view.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::kernels {

/// The output layer of a language model, cut into tiles of the vocabulary, so that only the logits of a tile
/// of tokens by a tile of words ever exist. Const methods may be called from several threads at once.
class LanguageHead {
 public:
  /// weight [vocabulary, hidden]; values are copied.
  LanguageHead(MatrixView<const float> weight, Precision precision);

  std::int64_t vocabulary() const { return vocabulary_; }
  std::int64_t hidden() const { return hidden_; }
  std::int64_t memory_bytes() const;

  /// All logits of a few tokens (sampling, tests): out [tokens, vocabulary].
  void logits(MatrixView<const float> hidden, MatrixView<float> out) const;

  /// The teacher's side of the loss: for each token its `k` most likely words (k <= vocabulary) in ascending
  /// order of id, with their natural-log probabilities normalised over the whole vocabulary. Ties go to the
  /// smaller id. Throws InputError when a token's logits are not finite.
  ///   ids, log_probabilities: [tokens, k]
  void top_log_probabilities(MatrixView<const float> hidden, MatrixView<std::uint32_t> ids,
                             MatrixView<float> log_probabilities) const;

  /// The student's side, per token:
  ///   divergence[t] = KL(teacher || student) in nats. The words outside the teacher's top k count as one:
  ///   their mass is
  ///       1 - sum of the top k on both sides (exact when k is the whole vocabulary; a lower bound else, by
  ///       the data processing inequality). A teacher's mass below 1e-9 contributes nothing; a student's is
  ///       taken as 1e-9. Clamped at 0 from below; NaN when a logit is NaN.
  ///   negative_log_likelihood[t] = -log p_student(targets[t]) in nats.
  /// One pass over the vocabulary tiles with an online log-sum-exp. Sums over words are made in binary64 in a
  /// fixed order.
  void score(MatrixView<const float> hidden, MatrixView<const std::uint32_t> teacher_ids,
             MatrixView<const float> teacher_log_probabilities, std::span<const std::uint32_t> targets,
             std::span<float> divergence, std::span<float> negative_log_likelihood) const;

 private:
  std::int64_t vocabulary_ = 0;
  std::int64_t hidden_ = 0;
  std::int64_t tile_words_ = 0;
  std::vector<LinearWeights> tiles_;
};

}  // namespace pare::kernels
