// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/prefix_trie.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework {

PrefixTrie::PrefixTrie(std::vector<std::size_t> first_site, HiddenStates& states, const StageRange& stages)
    : first_site_(std::move(first_site)),
      states_(states),
      has_embedding_(stages.has_embedding()),
      has_head_(stages.has_head(first_site_.size() - 1)),
      first_block_stage_(std::max<std::size_t>(stages.begin, 1)),
      last_block_stage_(std::min(stages.end, first_site_.size() - 2)) {
  EXPECT(first_site_.size() >= 3 && first_site_.front() == 0 && first_site_[1] == 0);
}

std::size_t PrefixTrie::most_states(std::size_t candidates) {
  return static_cast<std::size_t>(std::bit_width(candidates));
}

const std::uint8_t* PrefixTrie::options_of(std::size_t candidate, std::size_t stage) const {
  return candidates_[candidate].data() + first_site_[stage];
}

bool PrefixTrie::same_options(std::size_t a, std::size_t b, std::size_t first, std::size_t last) const {
  const std::size_t sites = first_site_[last] - first_site_[first];
  return std::memcmp(options_of(a, first), options_of(b, first), sites) == 0;
}

std::vector<std::span<const std::size_t>> PrefixTrie::split(std::span<const std::size_t> order, std::size_t first,
                                                            std::size_t last) const {
  std::vector<std::span<const std::size_t>> groups;
  std::size_t begin = 0;
  for (std::size_t i = 1; i <= order.size(); ++i) {
    if (i < order.size() && same_options(order[begin], order[i], first, last)) continue;
    groups.push_back(order.subspan(begin, i - begin));
    begin = i;
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  return groups;
}

std::size_t PrefixTrie::first_difference(std::span<const std::size_t> order) const {
  std::size_t stage = first_block_stage_;
  while (stage < last_block_stage_ && same_options(order.front(), order.back(), stage, stage + 1)) ++stage;
  return stage;
}

std::optional<std::size_t> PrefixTrie::skip(std::span<const std::size_t> order, std::size_t stage, std::size_t child) {
  return states_.restore(candidates_[order.front()], first_site_, stage, first_difference(order), child);
}

void PrefixTrie::descend(std::span<const std::size_t> order, std::size_t stage, std::size_t depth) {
  if (order.size() <= states_.most_abreast()) {
    go_abreast(order, stage, depth);
    return;
  }
  if (stage == last_block_stage_) {
    reach_leaf(order, depth);
    return;
  }
  const auto groups = split(order, stage, stage + 1);
  if (groups.size() > 1) keep(order, stage, depth);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::size_t child = g + 1 < groups.size() ? depth + 1 : depth;
    if (const auto later = skip(groups[g], stage + 1, child)) {
      descend(groups[g], *later, child);
      continue;
    }
    if (child != depth) states_.copy(depth, child);
    states_.run(stage, options_of(groups[g].front(), stage), child, 1);
    runs_.made += window_count_;
    descend(groups[g], stage + 1, child);
  }
}

void PrefixTrie::keep(std::span<const std::size_t> order, std::size_t stage, std::size_t state) {
  states_.keep(std::span(candidates_[order.front()]).first(first_site_[stage]), stage, state);
}

void PrefixTrie::reach_leaf(std::span<const std::size_t> order, std::size_t state) {
  // Whoever branches later, in the stages of another process, comes by here again.
  if (!has_head_) keep(order, last_block_stage_, state);
  for (const std::size_t candidate : order) (*leaf_)(candidate, state);
  if (has_head_) runs_.made += window_count_;
}

void PrefixTrie::split_abreast(std::vector<Branch>& branches, std::size_t stage, std::size_t first) {
  const std::size_t before = branches.size();
  for (std::size_t b = 0; b < before; ++b) {
    if (branches[b].stage != stage) continue;
    const auto groups = split(branches[b].order, stage, stage + 1);
    if (groups.size() > 1) keep(branches[b].order, stage, first + b);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const bool in_place = g + 1 == groups.size();
      const std::size_t child = in_place ? b : branches.size();
      const auto later = skip(groups[g], stage + 1, first + child);
      if (!later && !in_place) states_.copy(first + b, first + child);
      if (!in_place) branches.emplace_back();
      branches[child] = {groups[g], later.value_or(stage)};
    }
  }
}

void PrefixTrie::run_abreast(std::vector<Branch>& branches, std::size_t stage, std::size_t first) {
  for (std::size_t b = 0; b < branches.size(); ++b) {
    if (branches[b].stage != stage) continue;
    // All with the options of this one, as neighbours come: their weights are ready then.
    const std::size_t chosen = branches[b].order.front();
    const auto runs_now = [&](std::size_t c) {
      return branches[c].stage == stage && same_options(chosen, branches[c].order.front(), stage, stage + 1);
    };
    for (std::size_t c = b, end = b; c < branches.size(); c = end) {
      end = c + 1;
      if (!runs_now(c)) continue;
      while (end < branches.size() && runs_now(end)) ++end;
      states_.run(stage, options_of(chosen, stage), first + c, end - c);
      runs_.made += static_cast<std::int64_t>(end - c) * window_count_;
      for (std::size_t done = c; done < end; ++done) branches[done].stage = stage + 1;
    }
  }
}

void PrefixTrie::go_abreast(std::span<const std::size_t> order, std::size_t stage, std::size_t first) {
  std::vector<Branch> branches{{order, stage}};
  for (; stage < last_block_stage_; ++stage) {
    split_abreast(branches, stage, first);
    run_abreast(branches, stage, first);
  }
  for (std::size_t b = 0; b < branches.size(); ++b) reach_leaf(branches[b].order, first + b);
}

void PrefixTrie::begin_with(std::span<const std::size_t> order) {
  if (const auto later = skip(order, first_block_stage_, 0)) return descend(order, *later, 0);
  if (has_embedding_) {
    states_.embed(0);
    runs_.made += window_count_;
  } else {
    (*enter_)(order.front(), 0);
  }
  descend(order, first_block_stage_, 0);
}

PrefixTrie::Runs PrefixTrie::walk(std::span<const OptionIndices> candidates, const TokenWindows& windows,
                                  std::int64_t begin, std::int64_t count, const Leaf& leaf, const Enter& enter) {
  EXPECT(has_embedding_ || enter);
  EXPECT(!candidates.empty() && count > 0 && begin >= 0 && begin + count <= windows.count());
  candidates_ = candidates;
  leaf_ = &leaf;
  enter_ = &enter;
  window_count_ = count;
  const auto stages = static_cast<std::int64_t>(last_block_stage_ - first_block_stage_) + (has_embedding_ ? 1 : 0) +
                      (has_head_ ? 1 : 0);
  runs_ = {.made = 0, .separate = static_cast<std::int64_t>(candidates.size()) * stages * count};

  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return candidates[a] < candidates[b]; });

  states_.use_windows(
      {windows.tokens.data() + begin * windows.length, static_cast<std::size_t>(count * windows.length)},
      windows.length);
  for (const auto group : split(order, 0, first_block_stage_)) begin_with(group);
  return runs_;
}

}  // namespace pare::framework
