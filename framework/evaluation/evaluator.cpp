// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/evaluator.hpp"

#include <algorithm>

#include "framework/model/full_weights.hpp"

namespace pare::framework {
namespace {

using kernels::MatrixView;

constexpr std::int64_t tile_tokens = 2048;

}  // namespace

Evaluator::Evaluator(const Model& model, const std::vector<Site>& sites, const LayerBank* bank,
                     std::int64_t longest_window, const EvaluatorSettings& settings)
    : site_count_(sites.size()),
      runner_(model, longest_window),
      weights_(model, sites, bank, settings.precision, settings.cache_bytes),
      states_(runner_, weights_, model.config().hidden, settings.state_bytes),
      trie_(weights_.first_site(), states_),
      head_(load_head(model, settings.precision)) {}

void Evaluator::for_scored_positions(MatrixView<const float> hidden, std::int64_t length, const Tile& use) {
  const std::int64_t scored = length - 1;
  const std::int64_t windows = hidden.rows / length;
  const std::int64_t step = std::max<std::int64_t>(1, tile_tokens / length);
  for (std::int64_t begin = 0; begin < windows; begin += step) {
    const std::int64_t count = std::min(step, windows - begin);
    normed_.reshape(count * scored, hidden.cols);
    for (std::int64_t w = 0; w < count; ++w) {
      runner_.finish(hidden.rows_from((begin + w) * length, scored), normed_.view().rows_from(w * scored, scored));
    }
    use(begin, count, normed_.view());
  }
}

std::span<const std::uint32_t> Evaluator::targets(const TokenWindows& windows, std::int64_t begin, std::int64_t count) {
  targets_.clear();
  for (std::int64_t w = begin; w < begin + count; ++w) {
    const auto window = windows.window(w).subspan(1);
    targets_.insert(targets_.end(), window.begin(), window.end());
  }
  return targets_;
}

TeacherPart Evaluator::teach(const TokenWindows& windows, std::int64_t begin, std::int64_t count, std::int64_t top_k) {
  const std::int64_t scored = windows.length - 1;
  const std::int64_t positions = count * scored;
  TeacherPart part{std::vector<std::uint32_t>(static_cast<std::size_t>(positions * top_k)),
                   std::vector<float>(static_cast<std::size_t>(positions * top_k)),
                   {}};
  const MatrixView<std::uint32_t> all_ids(part.ids.data(), positions, top_k);
  const MatrixView<float> all_log_probabilities(part.log_probabilities.data(), positions, top_k);
  const OptionIndices full(site_count_, full_precision_option);
  trie_.walk({&full, 1}, windows, begin, count, [&](std::size_t, std::size_t state) {
    for_scored_positions(
        states_.state(state), windows.length,
        [&](std::int64_t window, std::int64_t tile, MatrixView<const float> normed) {
          const auto ids = all_ids.rows_from(window * scored, tile * scored);
          const auto log_probabilities = all_log_probabilities.rows_from(window * scored, tile * scored);
          head_.top_log_probabilities(normed, ids, log_probabilities);
          divergence_.resize(static_cast<std::size_t>(normed.rows));
          likelihood_.resize(static_cast<std::size_t>(normed.rows));
          head_.score(normed, ids, log_probabilities, targets(windows, begin + window, tile), divergence_, likelihood_);
          append_means(likelihood_, windows, begin + window, part.nll);
        });
  });
  return part;
}

EvaluationResult Evaluator::evaluate(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                     std::int64_t begin, std::int64_t count, const Teacher& teacher,
                                     std::int64_t teacher_begin) {
  EvaluationResult result{.scores = std::vector<CandidateScores>(candidates.size()), .runs = {}};
  result.runs = trie_.walk(candidates, windows, begin, count, [&](std::size_t candidate, std::size_t state) {
    CandidateScores& scores = result.scores[candidate];
    for_scored_positions(states_.state(state), windows.length,
                         [&](std::int64_t window, std::int64_t tile, MatrixView<const float> normed) {
                           divergence_.resize(static_cast<std::size_t>(normed.rows));
                           likelihood_.resize(static_cast<std::size_t>(normed.rows));
                           head_.score(normed, teacher.ids(teacher_begin + window, tile),
                                       teacher.log_probabilities(teacher_begin + window, tile),
                                       targets(windows, begin + window, tile), divergence_, likelihood_);
                           append_means(divergence_, windows, begin + window, scores.kl);
                           append_means(likelihood_, windows, begin + window, scores.nll);
                         });
    check_finite(scores);
  });
  return result;
}

}  // namespace pare::framework
