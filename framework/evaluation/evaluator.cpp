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
      hidden_(model.config().hidden),
      stages_(settings.stages),
      runner_(model, longest_window, stages_),
      weights_(model, sites, bank, settings.precision, settings.cache_bytes),
      states_(runner_, weights_, model.config().hidden, settings.state_bytes),
      trie_(weights_.first_site(), states_, stages_) {
  if (stages_.has_head(model.stages().size())) head_.emplace(load_head(model, settings.precision));
}

SharedPrefixes Evaluator::prefixes_before(std::size_t stage, std::span<const OptionIndices> candidates,
                                          std::int64_t tokens) const {
  return {candidates, weights_.first_site()[stage], tokens, hidden_};
}

PrefixTrie::Runs Evaluator::walk(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                 std::int64_t begin, std::int64_t count, std::span<const float> entering,
                                 const PrefixTrie::Leaf& leaf) {
  if (stages_.has_embedding()) return trie_.walk(candidates, windows, begin, count, leaf);
  const std::int64_t tokens = count * windows.length;
  const SharedPrefixes prefixes = prefixes_before(stages_.begin, candidates, tokens);
  prefixes.expect(entering);
  return trie_.walk(candidates, windows, begin, count, leaf, [&](std::size_t candidate, std::size_t state) {
    states_.put(state, prefixes.state(entering, candidate, 0, tokens));
  });
}

PrefixTrie::Runs Evaluator::pass(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                 std::int64_t begin, std::int64_t count, const StateRoom& room,
                                 std::span<const float> entering) {
  const std::int64_t tokens = count * windows.length;
  const SharedPrefixes prefixes = prefixes_before(stages_.end, candidates, tokens);
  const std::span<float> leaving = room(prefixes.values());
  return walk(candidates, windows, begin, count, entering, [&](std::size_t candidate, std::size_t state) {
    if (!prefixes.leads(candidate)) return;
    const MatrixView<const float> from = states_.state(state);
    std::copy_n(from.data, tokens * hidden_, prefixes.state(leaving, candidate, 0, tokens).data);
  });
}

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

TeacherPart Evaluator::teach(const TokenWindows& windows, std::int64_t begin, std::int64_t count, std::int64_t top_k,
                             std::span<const float> entering) {
  const std::int64_t scored = windows.length - 1;
  const std::int64_t positions = count * scored;
  TeacherPart part{std::vector<std::uint32_t>(static_cast<std::size_t>(positions * top_k)),
                   std::vector<float>(static_cast<std::size_t>(positions * top_k)),
                   {}};
  const MatrixView<std::uint32_t> all_ids(part.ids.data(), positions, top_k);
  const MatrixView<float> all_log_probabilities(part.log_probabilities.data(), positions, top_k);
  const OptionIndices full(site_count_, full_precision_option);
  walk({&full, 1}, windows, begin, count, entering, [&](std::size_t, std::size_t state) {
    for_scored_positions(states_.state(state), windows.length,
                         [&](std::int64_t window, std::int64_t tile, MatrixView<const float> normed) {
                           const auto ids = all_ids.rows_from(window * scored, tile * scored);
                           const auto log_probabilities =
                               all_log_probabilities.rows_from(window * scored, tile * scored);
                           head_->top_log_probabilities(normed, ids, log_probabilities);
                           divergence_.resize(static_cast<std::size_t>(normed.rows));
                           likelihood_.resize(static_cast<std::size_t>(normed.rows));
                           head_->score(normed, ids, log_probabilities, targets(windows, begin + window, tile),
                                        divergence_, likelihood_);
                           append_means(likelihood_, windows, begin + window, part.nll);
                         });
  });
  return part;
}

EvaluationResult Evaluator::evaluate(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                     std::int64_t begin, std::int64_t count, const Teacher& teacher,
                                     std::int64_t teacher_begin, std::span<const float> entering) {
  EvaluationResult result{.scores = std::vector<CandidateScores>(candidates.size()), .runs = {}};
  result.runs = walk(candidates, windows, begin, count, entering, [&](std::size_t candidate, std::size_t state) {
    CandidateScores& scores = result.scores[candidate];
    for_scored_positions(states_.state(state), windows.length,
                         [&](std::int64_t window, std::int64_t tile, MatrixView<const float> normed) {
                           divergence_.resize(static_cast<std::size_t>(normed.rows));
                           likelihood_.resize(static_cast<std::size_t>(normed.rows));
                           head_->score(normed, teacher.ids(teacher_begin + window, tile),
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
