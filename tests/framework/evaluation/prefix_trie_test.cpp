// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/prefix_trie.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace pare::test {
namespace {

using framework::OptionIndices;

/// States that are the story of what made them: "e" for the embedding, then stage and options of every run.
class Stories final : public framework::HiddenStates {
 public:
  explicit Stories(std::vector<std::size_t> first_site) : first_site_(std::move(first_site)) {}

  std::size_t used() const { return states_.size(); }
  const std::string& story(std::size_t state) const { return states_[state]; }

  void use_windows(std::span<const std::uint32_t>, std::int64_t) override {}
  void embed(std::size_t state) override { at(state) = "e"; }
  void copy(std::size_t from, std::size_t to) override {
    const std::string story = at(from);
    at(to) = story;
  }
  void run(std::size_t stage, const std::uint8_t* options, std::size_t state) override {
    at(state) += told(stage, options);
  }
  void keep(std::span<const std::uint8_t>, std::size_t, std::size_t) override {}
  std::optional<std::size_t> restore(std::span<const std::uint8_t>, std::span<const std::size_t>, std::size_t,
                                     std::size_t, std::size_t) override {
    return std::nullopt;
  }

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
  std::vector<std::string> states_;
};

TEST(PrefixTrie, LeadsEveryCandidateThroughItsOwnOptionsWithFewStates) {
  const std::vector<std::size_t> first_site{0, 0, 2, 3, 5, 6, 6};  // embedding, four stages, head
  const framework::TokenWindows windows{.length = 2, .tokens = {1, 2, 3, 4}};
  std::mt19937 random(3);
  for (const std::size_t count : {1u, 2u, 3u, 7u, 8u, 127u}) {
    std::vector<OptionIndices> candidates(count, OptionIndices(6));
    for (OptionIndices& candidate : candidates)
      std::generate(candidate.begin(), candidate.end(), [&] { return static_cast<std::uint8_t>(random() % 3); });
    Stories stories(first_site);
    framework::PrefixTrie trie(first_site, stories);
    std::set<std::size_t> met;

    trie.walk(candidates, windows, 0, 2, [&](std::size_t candidate, std::size_t state) {
      std::string expected = "e";
      for (std::size_t stage = 1; stage < 5; ++stage)
        expected += stories.told(stage, candidates[candidate].data() + first_site[stage]);
      EXPECT_EQ(stories.story(state), expected);
      met.insert(candidate);
    });

    EXPECT_EQ(met.size(), count);
    EXPECT_LE(stories.used(), framework::PrefixTrie::most_states(count));
  }
}

}  // namespace
}  // namespace pare::test
