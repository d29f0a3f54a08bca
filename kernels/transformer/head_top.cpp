// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "kernels/transformer/head.hpp"
#include "kernels/transformer/head_tiles.hpp"
#include "kernels/transformer/log_sum_exp.hpp"

namespace pare::kernels {
namespace {

/// Keeps the k largest of the logits that arrive in ascending order of id; ties go to the earlier one. Up to
/// 2 k + one tile of candidates are held, in the order of their ids, so that nothing is ever sorted.
class TopLogits {
 public:
  explicit TopLogits(std::int64_t k) : k_(static_cast<std::size_t>(k)) {}

  void add(std::int64_t first_word, const float* logits, std::int64_t words) {
    for (std::int64_t i = 0; i < words; ++i) {
      if (thinned_ && !(logits[i] > threshold_)) continue;
      logits_.push_back(logits[i]);
      ids_.push_back(static_cast<std::uint32_t>(first_word + i));
    }
    if (logits_.size() > 2 * k_) thin();
  }

  /// Calls use(id, logit) for the k largest, ids ascending.
  template <class Use>
  void finish(const Use& use) {
    if (logits_.size() > k_) thin();
    for (std::size_t i = 0; i < ids_.size(); ++i) use(ids_[i], logits_[i]);
  }

 private:
  /// Drops all but the k largest.
  void thin() {
    std::vector<float> copy(logits_);
    const auto kth = copy.begin() + static_cast<std::ptrdiff_t>(k_ - 1);
    std::nth_element(copy.begin(), kth, copy.end(), std::greater<>());
    threshold_ = *kth;
    const auto above = std::count_if(copy.begin(), kth, [&](float logit) { return logit > threshold_; });
    std::size_t ties_left = k_ - static_cast<std::size_t>(above);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < logits_.size(); ++i) {
      if (logits_[i] < threshold_ || (logits_[i] == threshold_ && ties_left == 0)) continue;
      if (logits_[i] == threshold_) --ties_left;
      logits_[kept] = logits_[i];
      ids_[kept++] = ids_[i];
    }
    logits_.resize(kept);
    ids_.resize(kept);
    thinned_ = true;
  }

  std::size_t k_;
  std::vector<float> logits_;
  std::vector<std::uint32_t> ids_;
  float threshold_ = 0.0f;
  bool thinned_ = false;
};

/// A sum is finite if its terms are; NaN would break the order that the selection relies on.
bool all_finite(const float* x, std::int64_t count) {
  float zero = 0.0f;
#pragma omp simd reduction(+ : zero)
  for (std::int64_t i = 0; i < count; ++i) zero += x[i] * 0.0f;
  return zero == 0.0f;
}

}  // namespace

void LanguageHead::top_log_probabilities(MatrixView<const float> hidden, MatrixView<std::uint32_t> ids,
                                         MatrixView<float> log_probabilities) const {
  const std::int64_t k = ids.cols;
  EXPECT(hidden.cols == hidden_ && ids.rows == hidden.rows, hidden.cols, " ", ids.rows);
  EXPECT(log_probabilities.rows == hidden.rows && log_probabilities.cols == k, log_probabilities.cols);
  EXPECT(k > 0 && k <= vocabulary_, k, " of ", vocabulary_, " words");
  detail::for_each_token_tile(hidden.rows, [&](std::int64_t first, std::int64_t count) {
    std::vector<detail::LogSumExp> normalisers(static_cast<std::size_t>(count));
    std::vector<TopLogits> tops(static_cast<std::size_t>(count), TopLogits(k));
    detail::for_each_logit_run(tiles_, hidden.rows_from(first, count),
                               [&](std::int64_t t, std::int64_t first_word, const float* logits, std::int64_t words) {
                                 VALIDATE(all_finite(logits, words), "the logits of token ", first + t,
                                          " are not finite, the teacher's weights or activations must be broken");
                                 normalisers[static_cast<std::size_t>(t)].add(logits, words);
                                 tops[static_cast<std::size_t>(t)].add(first_word, logits, words);
                               });
    for (std::int64_t t = 0; t < count; ++t) {
      const double normaliser = normalisers[static_cast<std::size_t>(t)].value();
      std::uint32_t* id = ids.row(first + t);
      float* log_probability = log_probabilities.row(first + t);
      tops[static_cast<std::size_t>(t)].finish([&](std::uint32_t word, float logit) {
        *id++ = word;
        *log_probability++ = static_cast<float>(double{logit} - normaliser);
      });
    }
  });
}

}  // namespace pare::kernels
