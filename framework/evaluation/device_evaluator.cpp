// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_evaluator.hpp"

#include <algorithm>
#include <utility>

#include "framework/evaluation/weight_source.hpp"
#include "kernels/core/device.hpp"
#include "kernels/transformer/head_gpu.hpp"

namespace pare::framework {
namespace {

using kernels::DeviceSpan;
using kernels::DeviceView;

template <class T>
void append(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

DeviceEvaluator::DeviceEvaluator(const ComputeDevice& device, const Model& model, const LayerBank& bank,
                                 std::int64_t longest_window, std::int64_t top_k, const EvaluatorSettings& settings)
    : site_count_(bank.plan().sites().size()),
      hidden_(model.config().hidden),
      stages_(settings.stages),
      stream_(device.gpu.value()),
      demand_(device_demand(bank.plan(), longest_window, top_k, stages_)),
      memory_(plan_device_memory(demand_, std::min(device.memory_bytes, kernels::free_device_memory(stream_)),
                                 settings.state_bytes)),
      batches_(memory_.micro_batch_tokens / longest_window),
      tables_(model, stages_, longest_window, demand_.sizes.tables, stream_),
      weights_(model, stages_, bank.plan().sites(), bank, stream_, demand_.sizes),
      states_(model, weights_, tables_, demand_.walk, memory_.micro_batch_tokens, memory_.kept_state_bytes, stream_),
      trie_(weights_.first_site(), states_, stages_) {}

PrefixTrie::Runs DeviceEvaluator::walk(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                       std::int64_t begin, std::int64_t count, const PrefixTrie::Leaf& leaf,
                                       const PrefixTrie::Enter& enter) {
  PrefixTrie::Runs runs;
  for (std::size_t first = 0; first < candidates.size(); first += most_candidates_together) {
    const auto together = candidates.subspan(first, std::min(most_candidates_together, candidates.size() - first));
    runs += trie_.walk(
        together, windows, begin, count,
        [&](std::size_t candidate, std::size_t state) { leaf(first + candidate, state); },
        [&](std::size_t candidate, std::size_t state) { enter(first + candidate, state); });
  }
  return runs;
}

void DeviceEvaluator::for_micro_batches(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                        std::int64_t count, std::span<const float> entering, const MicroBatch& run) {
  const SharedPrefixes prefixes(candidates, weights_.first_site()[stages_.begin], count * windows.length, hidden_);
  if (!stages_.has_embedding()) prefixes.expect(entering);
  batches_.for_each(
      count,
      [&](std::int64_t first, std::int64_t together) {
        run(first, together, [&](std::size_t candidate, std::size_t state) {
          states_.put(state, prefixes.state(entering, candidate, first * windows.length, together * windows.length));
        });
      },
      [&] { states_.forget(); });
}

PrefixTrie::Runs DeviceEvaluator::pass(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                       std::int64_t begin, std::int64_t count, const StateRoom& room,
                                       std::span<const float> entering) {
  const SharedPrefixes prefixes(candidates, weights_.first_site()[stages_.end], count * windows.length, hidden_);
  const std::span<float> leaving = room(prefixes.values());
  PrefixTrie::Runs runs;
  for_micro_batches(
      candidates, windows, count, entering,
      [&](std::int64_t first, std::int64_t together, const PrefixTrie::Enter& enter) {
        const auto leaf = [&](std::size_t candidate, std::size_t state) {
          if (!prefixes.leads(candidate)) return;
          states_.get(state, prefixes.state(leaving, candidate, first * windows.length, together * windows.length));
        };
        runs += walk(candidates, windows, begin + first, together, leaf, enter);
      });
  stream_.synchronize();
  return runs;
}

DeviceSpan<float> DeviceEvaluator::workspace() {
  return {states_.at<float>(states_.layout().workspace), states_.layout().workspace_floats};
}

void DeviceEvaluator::bring_targets(const TokenWindows& windows, std::int64_t begin, std::int64_t count) {
  std::vector<std::uint32_t> targets;
  for (std::int64_t w = begin; w < begin + count; ++w) {
    const auto window = windows.window(w).subspan(1);
    targets.insert(targets.end(), window.begin(), window.end());
  }
  const auto size = static_cast<std::int64_t>(targets.size());
  kernels::copy_to_device<std::uint32_t>({targets.data(), 1, size},
                                         {states_.at<std::uint32_t>(states_.layout().targets), 1, size}, stream_);
  stream_.synchronize();
}

void DeviceEvaluator::bring_answers(const Teacher& teacher, std::int64_t begin, std::int64_t count) {
  Answers wanted{teacher.plan().key, begin, count};
  if (answers_ == wanted) return;
  answers_.reset();
  const WalkLayout& layout = states_.layout();
  const auto ids = teacher.ids(begin, count);
  const auto logs = teacher.log_probabilities(begin, count);
  EXPECT(ids.cols <= demand_.walk.top_k, ids.cols, " words of ", demand_.walk.top_k);
  kernels::copy_to_device<std::uint32_t>(ids, {states_.at<std::uint32_t>(layout.teacher_ids), ids.rows, ids.cols},
                                         stream_);
  kernels::copy_to_device<float>(logs, {states_.at<float>(layout.teacher_log), logs.rows, logs.cols}, stream_);
  answers_ = std::move(wanted);
}

DeviceEvaluator::Losses DeviceEvaluator::score(std::size_t state, std::int64_t top_k) {
  const WalkLayout& layout = states_.layout();
  const auto normed = states_.finish(state);
  const std::int64_t rows = normed.rows;
  const DeviceSpan<float> divergence{states_.at<float>(layout.divergence), rows};
  const DeviceSpan<float> likelihood{states_.at<float>(layout.likelihood), rows};
  kernels::score_head(normed, tables_.head(), {states_.at<const std::uint32_t>(layout.teacher_ids), rows, top_k},
                      {states_.at<const float>(layout.teacher_log), rows, top_k},
                      {states_.at<const std::uint32_t>(layout.targets), rows}, divergence, likelihood, workspace(),
                      stream_);
  Losses losses{std::vector<float>(static_cast<std::size_t>(rows)), std::vector<float>(static_cast<std::size_t>(rows))};
  kernels::copy_to_host<float>({divergence.data, 1, rows}, {losses.divergence.data(), 1, rows}, stream_);
  kernels::copy_to_host<float>({likelihood.data, 1, rows}, {losses.likelihood.data(), 1, rows}, stream_);
  stream_.synchronize();
  return losses;
}

TeacherPart DeviceEvaluator::teach_together(const TokenWindows& windows, std::int64_t begin, std::int64_t count,
                                            std::int64_t top_k, const PrefixTrie::Enter& enter) {
  const WalkLayout& layout = states_.layout();
  const std::int64_t positions = count * (windows.length - 1);
  TeacherPart part{std::vector<std::uint32_t>(static_cast<std::size_t>(positions * top_k)),
                   std::vector<float>(static_cast<std::size_t>(positions * top_k)),
                   {}};
  answers_.reset();  // their place is taken below
  bring_targets(windows, begin, count);
  const OptionIndices full(site_count_, full_precision_option);
  const auto leaf = [&](std::size_t, std::size_t state) {
    const auto normed = states_.finish(state);
    const DeviceView<std::uint32_t> ids(states_.at<std::uint32_t>(layout.teacher_ids), positions, top_k);
    const DeviceView<float> logs(states_.at<float>(layout.teacher_log), positions, top_k);
    kernels::head_top_log_probabilities(normed, tables_.head(), ids, logs, workspace(), stream_);
    kernels::copy_to_host<std::uint32_t>(ids, {part.ids.data(), positions, top_k}, stream_);
    kernels::copy_to_host<float>(logs, {part.log_probabilities.data(), positions, top_k}, stream_);
    append_means(score(state, top_k).likelihood, windows, begin, part.nll);
  };
  walk({&full, 1}, windows, begin, count, leaf, enter);
  return part;
}

TeacherPart DeviceEvaluator::teach(const TokenWindows& windows, std::int64_t begin, std::int64_t count,
                                   std::int64_t top_k, std::span<const float> entering) {
  EXPECT(top_k <= demand_.walk.top_k, top_k, " words of ", demand_.walk.top_k);
  TeacherPart all;
  const OptionIndices full(site_count_, full_precision_option);
  for_micro_batches({&full, 1}, windows, count, entering,
                    [&](std::int64_t first, std::int64_t together, const PrefixTrie::Enter& enter) {
                      const TeacherPart part = teach_together(windows, begin + first, together, top_k, enter);
                      append(all.ids, part.ids);
                      append(all.log_probabilities, part.log_probabilities);
                      append(all.nll, part.nll);
                    });
  return all;
}

EvaluationResult DeviceEvaluator::evaluate_together(std::span<const OptionIndices> candidates,
                                                    const TokenWindows& windows, std::int64_t begin, std::int64_t count,
                                                    const Teacher& teacher, std::int64_t teacher_begin,
                                                    const PrefixTrie::Enter& enter) {
  bring_answers(teacher, teacher_begin, count);
  bring_targets(windows, begin, count);
  EvaluationResult result{.scores = std::vector<CandidateScores>(candidates.size()), .runs = {}};
  const auto leaf = [&](std::size_t candidate, std::size_t state) {
    const Losses losses = score(state, teacher.plan().top_k);
    CandidateScores& scores = result.scores[candidate];
    append_means(losses.divergence, windows, begin, scores.kl);
    append_means(losses.likelihood, windows, begin, scores.nll);
    check_finite(scores);
  };
  result.runs = walk(candidates, windows, begin, count, leaf, enter);
  return result;
}

EvaluationResult DeviceEvaluator::evaluate(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                           std::int64_t begin, std::int64_t count, const Teacher& teacher,
                                           std::int64_t teacher_begin, std::span<const float> entering) {
  EvaluationResult all{.scores = std::vector<CandidateScores>(candidates.size()), .runs = {}};
  for_micro_batches(candidates, windows, count, entering,
                    [&](std::int64_t first, std::int64_t together, const PrefixTrie::Enter& enter) {
                      const EvaluationResult part = evaluate_together(candidates, windows, begin + first, together,
                                                                      teacher, teacher_begin + first, enter);
                      for (std::size_t c = 0; c < candidates.size(); ++c) {
                        append(all.scores[c].kl, part.scores[c].kl);
                        append(all.scores[c].nll, part.scores[c].nll);
                      }
                      all.runs += part.runs;
                    });
  return all;
}

}  // namespace pare::framework
