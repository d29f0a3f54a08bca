// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/prefix_trie.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework {

PrefixTrie::PrefixTrie(const Model& model, StageRunner& runner, WeightSource& weights, std::int64_t state_bytes)
    : model_(model),
      runner_(runner),
      weights_(weights),
      cache_(state_bytes),
      first_block_stage_(1),
      last_block_stage_(model.stages().size() - 1) {
  EXPECT(model.stages().front().kind == StageKind::embedding && model.stages().back().kind == StageKind::head);
  for (std::size_t stage = 0; stage <= last_block_stage_; ++stage) first_site_.push_back(weights.first_site(stage));
}

const std::uint8_t* PrefixTrie::options_of(std::size_t candidate, std::size_t stage) const {
  return candidates_[candidate].data() + weights_.first_site(stage);
}

bool PrefixTrie::same_options(std::size_t a, std::size_t b, std::size_t stage) const {
  const std::size_t sites = weights_.first_site(stage + 1) - weights_.first_site(stage);
  return std::memcmp(options_of(a, stage), options_of(b, stage), sites) == 0;
}

std::vector<std::span<const std::size_t>> PrefixTrie::split(std::span<const std::size_t> order,
                                                            std::size_t stage) const {
  std::vector<std::span<const std::size_t>> groups;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= order.size(); ++i) {
    if (i < order.size() && same_options(order[begin], order[i], stage)) continue;
    groups.push_back(order.subspan(begin, i - begin));
    begin = i;
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return groups;
}

std::size_t PrefixTrie::first_difference(std::span<const std::size_t> order) const {
  std::size_t stage = first_block_stage_;
  while (stage < last_block_stage_ && same_options(order.front(), order.back(), stage)) ++stage;
  return stage;
}

std::optional<std::size_t> PrefixTrie::skip(std::span<const std::size_t> order, std::size_t stage, std::size_t child) {
  const auto found = cache_.find(candidates_[order.front()], first_site_, stage, first_difference(order));
  if (!found) return std::nullopt;
  states_[child].reshape(found->state.rows, found->state.cols);
  std::memcpy(states_[child].data(), found->state.data,
              static_cast<std::size_t>(states_[child].size()) * sizeof(float));
  return found->stage;
}

void PrefixTrie::keep_state(std::size_t candidate, std::size_t stage, std::size_t depth) {
  cache_.keep(std::span(candidates_[candidate]).first(first_site_[stage]), stage, std::as_const(states_[depth]).view());
}

void PrefixTrie::descend(std::span<const std::size_t> order, std::size_t stage, std::size_t depth) {
  if (stage == last_block_stage_) {
    for (const std::size_t candidate : order) (*leaf_)(candidate, states_[depth].view());
    runs_.made += window_count_;  // the head
    return;
  }
  const auto groups = split(order, stage);
  if (groups.size() > 1) keep_state(order.front(), stage, depth);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    std::size_t child = depth;
    if (g + 1 < groups.size()) {
      child = depth + 1;
      if (states_.size() == child) states_.emplace_back();
    }
    if (const auto later = skip(groups[g], stage + 1, child)) {
      descend(groups[g], *later, child);
      continue;
    }
    if (child != depth) {
      states_[child].reshape(states_[depth].rows(), states_[depth].cols());
      std::memcpy(states_[child].data(), states_[depth].data(),
                  static_cast<std::size_t>(states_[depth].size()) * sizeof(float));
    }
    runner_.run(stage, weights_.stage(stage, options_of(groups[g].front(), stage)), window_length_,
                states_[child].view());
    runs_.made += window_count_;
    descend(groups[g], stage + 1, child);
  }
}

PrefixTrie::Runs PrefixTrie::walk(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                  std::int64_t begin, std::int64_t count, const Leaf& leaf) {
  EXPECT(!candidates.empty() && count > 0 && begin >= 0 && begin + count <= windows.count());
  candidates_ = candidates;
  leaf_ = &leaf;
  window_length_ = windows.length;
  window_count_ = count;
  const auto stages = static_cast<std::int64_t>(model_.stages().size());
  runs_ = {.made = 0, .separate = static_cast<std::int64_t>(candidates.size()) * stages * count};

  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return candidates[a] < candidates[b]; });

  if (states_.empty()) states_.emplace_back();
  const std::span<const std::uint32_t> tokens(windows.tokens.data() + begin * windows.length,
                                              static_cast<std::size_t>(count * windows.length));
  cache_.use_windows(tokens);
  if (const auto later = skip(order, first_block_stage_, 0)) {
    descend(order, *later, 0);
    return runs_;
  }
  states_[0].reshape(count * windows.length, model_.config().hidden);
  runner_.embed(tokens, states_[0].view());
  runs_.made += count;
  descend(order, first_block_stage_, 0);
  return runs_;
}

}  // namespace pare::framework
