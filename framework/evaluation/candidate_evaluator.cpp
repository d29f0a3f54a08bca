// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/candidate_evaluator.hpp"

#include <algorithm>
#include <cmath>

namespace pare::framework {

void append_means(std::span<const float> values, const TokenWindows& windows, std::int64_t window,
                  std::vector<double>& means) {
  const auto length = static_cast<std::size_t>(windows.length - 1);
  for (std::size_t begin = 0; begin < values.size(); begin += length, ++window) {
    const ScoredWords words = windows.scored_words(window);
    const auto count = static_cast<std::size_t>(words.count());
    double sum = 0;
    if (count > 0) {
      for (const float value : values.subspan(begin + static_cast<std::size_t>(words.first - 1), count)) sum += value;
      sum /= static_cast<double>(count);
    }
    means.push_back(sum);
  }
}

void check_finite(const CandidateScores& scores) {
  const auto finite = [](double value) { return std::isfinite(value); };
  if (std::all_of(scores.kl.begin(), scores.kl.end(), finite) &&
      std::all_of(scores.nll.begin(), scores.nll.end(), finite))
    return;
  throw LossNotFinite("a candidate's loss is not finite");
}

}  // namespace pare::framework
