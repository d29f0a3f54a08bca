// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/transformer/head.hpp"
#include "kernels/transformer/head_tiles.hpp"
#include "kernels/transformer/log_sum_exp.hpp"

namespace pare::kernels {
namespace {

constexpr double smallest_mass = 1e-9;

/// What one token of the student has met so far.
struct StudentToken {
  detail::LogSumExp normaliser;
  std::int64_t gathered = 0;  ///< how many of the teacher's words have passed
  float target_logit = 0.0f;
};

/// The teacher's ids ascend, so those of a run of words are the next ones in line.
void gather_run(const std::uint32_t* ids, std::int64_t k, std::int64_t first_word, const float* logits,
                std::int64_t words, std::int64_t& gathered, float* out) {
  const auto end = static_cast<std::uint32_t>(first_word + words);
  std::int64_t i = gathered;
  for (; i < k && ids[i] < end; ++i) out[i] = logits[ids[i] - first_word];
  gathered = i;
}

/// Sums over the words that the teacher names.
struct Sums {
  DoubleLanes divergence = {};
  DoubleLanes teacher_mass = {};
  DoubleLanes student_mass = {};

  void add(Lanes teacher_log, Lanes student_logit, double normaliser, std::int64_t count) {
    const DoubleLanes student_low = low_half(student_logit) - normaliser;
    const DoubleLanes student_high = high_half(student_logit) - normaliser;
    const Lanes p = keep_first(exp(teacher_log), count, 0.0f);
    const Lanes q = keep_first(exp(student_logit - static_cast<float>(normaliser)), count, 0.0f);
    divergence += low_half(p) * (low_half(teacher_log) - student_low);
    divergence += high_half(p) * (high_half(teacher_log) - student_high);
    teacher_mass += low_half(p) + high_half(p);
    student_mass += low_half(q) + high_half(q);
  }
};

double divergence_of(const float* teacher_log, const float* student_logits, std::int64_t k, double normaliser,
                     bool whole) {
  Sums sums;
  std::int64_t i = 0;
  for (; i + lane_count <= k; i += lane_count)
    sums.add(load(teacher_log + i), load(student_logits + i), normaliser, lane_count);
  if (i < k) sums.add(load_some(teacher_log + i, k - i), load_some(student_logits + i, k - i), normaliser, k - i);
  double divergence = sum(sums.divergence);
  if (!whole) {
    const double teacher_rest = 1.0 - sum(sums.teacher_mass);
    const double student_rest = std::max(1.0 - sum(sums.student_mass), smallest_mass);
    if (teacher_rest >= smallest_mass) divergence += teacher_rest * std::log(teacher_rest / student_rest);
  }
  return divergence < 0.0 ? 0.0 : divergence;
}

}  // namespace

void LanguageHead::score(MatrixView<const float> hidden, MatrixView<const std::uint32_t> teacher_ids,
                         MatrixView<const float> teacher_log_probabilities, std::span<const std::uint32_t> targets,
                         std::span<float> divergence, std::span<float> negative_log_likelihood) const {
  const std::int64_t k = teacher_ids.cols;
  EXPECT(hidden.cols == hidden_ && teacher_ids.rows == hidden.rows, hidden.cols, " ", teacher_ids.rows);
  EXPECT(teacher_log_probabilities.rows == hidden.rows && teacher_log_probabilities.cols == k && k <= vocabulary_, k);
  const auto tokens = static_cast<std::size_t>(hidden.rows);
  EXPECT(targets.size() == tokens && divergence.size() == tokens && negative_log_likelihood.size() == tokens,
         targets.size());
  detail::for_each_token_tile(hidden.rows, [&](std::int64_t first, std::int64_t count) {
    Matrix<float> student_logits(count, k);
    std::vector<StudentToken> tokens_of_tile(static_cast<std::size_t>(count));
    detail::for_each_logit_run(
        tiles_, hidden.rows_from(first, count),
        [&](std::int64_t t, std::int64_t first_word, const float* logits, std::int64_t words) {
          StudentToken& token = tokens_of_tile[static_cast<std::size_t>(t)];
          token.normaliser.add(logits, words);
          gather_run(teacher_ids.row(first + t), k, first_word, logits, words, token.gathered, student_logits.row(t));
          const std::int64_t target = std::int64_t{targets[static_cast<std::size_t>(first + t)]} - first_word;
          if (target >= 0 && target < words) token.target_logit = logits[target];
        });
    for (std::int64_t t = 0; t < count; ++t) {
      const StudentToken& token = tokens_of_tile[static_cast<std::size_t>(t)];
      EXPECT(token.gathered == k, "teacher ids of token ", first + t, " do not ascend below ", vocabulary_);
      const double normaliser = token.normaliser.value();
      const auto i = static_cast<std::size_t>(first + t);
      EXPECT(targets[i] < vocabulary_, "target ", targets[i], " of token ", i, " is not below ", vocabulary_);
      negative_log_likelihood[i] = static_cast<float>(normaliser - double{token.target_logit});
      divergence[i] = static_cast<float>(divergence_of(teacher_log_probabilities.row(first + t), student_logits.row(t),
                                                       k, normaliser, k == vocabulary_));
    }
  });
}

}  // namespace pare::kernels
