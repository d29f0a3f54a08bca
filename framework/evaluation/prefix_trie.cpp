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
  const auto keep = [&] {
    states_.keep(std::span(candidates_[order.front()]).first(first_site_[stage]), stage, depth);
  };
  if (stage == last_block_stage_) {
    if (!has_head_) keep();  // whoever branches later, in the stages of another process, comes by here again
    for (const std::size_t candidate : order) (*leaf_)(candidate, depth);
    if (has_head_) runs_.made += window_count_;
    return;
  }
  const auto groups = split(order, stage, stage + 1);
  if (groups.size() > 1) keep();
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const std::size_t child = g + 1 < groups.size() ? depth + 1 : depth;
    if (const auto later = skip(groups[g], stage + 1, child)) {
      descend(groups[g], *later, child);
      continue;
    }
    if (child != depth) states_.copy(depth, child);
    states_.run(stage, options_of(groups[g].front(), stage), child);
    runs_.made += window_count_;
    descend(groups[g], stage + 1, child);
  }
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
