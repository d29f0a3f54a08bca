// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/prefix_trie.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace pare::test {
namespace {

using framework::OptionIndices;

/// States that are the story of what made them: "e" for the embedding, then stage and options of every run.
class Stories final : public framework::HiddenStates {
 public:
  Stories(std::vector<std::size_t> first_site, std::size_t most_abreast)
      : first_site_(std::move(first_site)), most_abreast_(most_abreast) {}

  std::size_t used() const { return states_.size(); }
  const std::string& story(std::size_t state) const { return states_[state]; }

  void use_windows(std::span<const std::uint32_t>, std::int64_t) override {}
  void embed(std::size_t state) override { at(state) = "e"; }
  void copy(std::size_t from, std::size_t to) override {
    const std::string story = at(from);
    at(to) = story;
  }
  void run(std::size_t stage, const std::uint8_t* options, std::size_t first, std::size_t count) override {
    for (std::size_t state = first; state < first + count; ++state) at(state) += told(stage, options);
    ++runs_;
  }
  std::size_t most_abreast() const override { return most_abreast_; }
  void keep(std::span<const std::uint8_t> prefix, std::size_t stage, std::size_t state) override {
    kept_[{stage, {prefix.begin(), prefix.end()}}] = at(state);
  }
  std::optional<std::size_t> restore(std::span<const std::uint8_t> options, std::span<const std::size_t> first_site,
                                     std::size_t first_stage, std::size_t last_stage, std::size_t state) override {
    for (std::size_t stage = last_stage; stage >= first_stage; --stage) {
      const auto found = kept_.find({stage, {options.begin(), options.begin() + static_cast<long>(first_site[stage])}});
      if (found == kept_.end()) continue;
      at(state) = found->second;
      return stage;
    }
    return std::nullopt;
  }

  int runs() const { return runs_; }

  std::string told(std::size_t stage, const std::uint8_t* options) const {
    std::string text = " " + std::to_string(stage) + ":";
    for (std::size_t s = 0; s < first_site_[stage + 1] - first_site_[stage]; ++s) text += std::to_string(options[s]);
    return text;
  }

 private:
  std::string& at(std::size_t state) {
    if (states_.size() <= state) states_.resize(state + 1);
    return states_[state];
  }

  std::vector<std::size_t> first_site_;
  std::size_t most_abreast_;
  std::vector<std::string> states_;
  std::map<std::pair<std::size_t, OptionIndices>, std::string> kept_;
  int runs_ = 0;
};

const std::vector<std::size_t> first_site{0, 0, 2, 3, 5, 6, 6};  // embedding, four stages, head
const framework::TokenWindows two_windows{.length = 2, .tokens = {1, 2, 3, 4}};

std::vector<OptionIndices> random_candidates(std::size_t count, std::mt19937& random) {
  std::vector<OptionIndices> candidates(count, OptionIndices(6));
  for (OptionIndices& candidate : candidates)
    std::generate(candidate.begin(), candidate.end(), [&] { return static_cast<std::uint8_t>(random() % 3); });
  return candidates;
}

/// Expects that each candidate arrives once, in a state that went through its own options.
framework::PrefixTrie::Runs expect_own_stories(const std::vector<OptionIndices>& candidates, Stories& stories) {
  framework::PrefixTrie trie(first_site, stories);
  std::set<std::size_t> met;
  const auto runs = trie.walk(candidates, two_windows, 0, 2, [&](std::size_t candidate, std::size_t state) {
    std::string expected = "e";
    for (std::size_t stage = 1; stage < 5; ++stage)
      expected += stories.told(stage, candidates[candidate].data() + first_site[stage]);
    EXPECT_EQ(stories.story(state), expected);
    met.insert(candidate);
  });
  EXPECT_EQ(met.size(), candidates.size());
  return runs;
}

TEST(PrefixTrie, LeadsEveryCandidateThroughItsOwnOptionsWithFewStates) {
  std::mt19937 random(3);
  for (const std::size_t count : {1u, 2u, 3u, 7u, 8u, 127u}) {
    for (const std::size_t abreast : {1u, 2u, 5u, 127u}) {
      Stories stories(first_site, abreast);
      for (int walk = 0; walk < 3; ++walk) {  // the later ones find states that were kept
        expect_own_stories(random_candidates(count, random), stories);
        EXPECT_LE(stories.used(), framework::PrefixTrie::most_states(count) + abreast - 1);
      }
    }
  }
}

TEST(PrefixTrie, RunsAStageOnceAnOptionTupleForCandidatesAbreast) {
  // A recipe, twice, and its changes at one site each: two sites lie in stage 1, one in 2, two in 3 and one in 4.
  std::vector<OptionIndices> candidates(8, OptionIndices(6, 1));
  for (std::size_t site = 0; site < 6; ++site) candidates[site][site] = 2;
  Stories one_by_one(first_site, 1), abreast(first_site, 8);

  const auto single = expect_own_stories(candidates, one_by_one);
  const auto together = expect_own_stories(candidates, abreast);

  EXPECT_EQ(single.made, together.made);
  EXPECT_EQ(one_by_one.runs(), 3 + 4 + 6 + 7);  // every changed candidate goes its own way from its change on
  EXPECT_EQ(abreast.runs(), 3 + 2 + 3 + 2);     // the recipe's tuple and the changed ones
}

}  // namespace
}  // namespace pare::test
