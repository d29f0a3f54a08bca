// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/integer_programme.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "search/space/moves.hpp"
#include "search/space/random.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::DecisionRandom;
using search::Recipe;
using search::Scores;
using search::SearchSpace;
using search::TrustRegion;

constexpr double forbidden = std::numeric_limits<double>::infinity();

Scores random_scores(const SearchSpace& space, std::uint64_t seed) {
  DecisionRandom random(seed, 0);
  Scores scores;
  for (const search::SearchSite& site : space.sites) {
    std::vector<double> row;
    for (std::size_t o = 0; o < site.options.size(); ++o) row.push_back(random.normal());
    scores.push_back(row);
  }
  return scores;
}

/// The least sum by trying everything; infinity when nothing is allowed.
double least_sum(const SearchSpace& space, const Scores& scores, std::int64_t budget, const TrustRegion* region) {
  double least = forbidden;
  Recipe recipe(space.sites.size(), 0);
  for (bool counting = true; counting;) {
    const bool near = region == nullptr || search::changes(recipe, region->reference) <= region->max_changes;
    if (near && space.bytes(recipe) <= budget) least = std::min(least, search::total_score(scores, recipe));
    counting = false;
    for (std::size_t s = 0; s < recipe.size() && !counting; ++s) {
      counting = ++recipe[s] < space.sites[s].options.size();
      if (!counting) recipe[s] = 0;
    }
  }
  return least;
}

TEST(IntegerProgramme, EqualsExhaustiveSearch) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const SearchSpace space = small_space(6, {2, 3, 4, 8}, seed);
    const Scores scores = random_scores(space, seed);
    DecisionRandom random(seed, 1);
    const std::int64_t range = space.largest_bytes() - space.smallest_bytes();
    const std::int64_t budget = space.smallest_bytes() + random.below(static_cast<std::uint32_t>(range));

    const std::optional<Recipe> recipe = search::allocate(space, scores, budget);

    ASSERT_TRUE(recipe.has_value());
    EXPECT_LE(space.bytes(*recipe), budget);
    EXPECT_NEAR(search::total_score(scores, *recipe), least_sum(space, scores, budget, nullptr), 1e-7) << seed;
  }
}

TEST(IntegerProgramme, EqualsExhaustiveSearchInATrustRegion) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const SearchSpace space = small_space(6, {2, 3, 4, 8}, seed);
    const Scores scores = random_scores(space, seed);
    DecisionRandom random(seed, 2);
    const std::int64_t budget = space.bytes(Recipe(6, 1)) + 100;
    const TrustRegion region{search::random_recipe(space, budget, random), 1 + seed % 4};

    const std::optional<Recipe> recipe = search::allocate(space, scores, budget, region);

    ASSERT_TRUE(recipe.has_value());
    EXPECT_LE(space.bytes(*recipe), budget);
    EXPECT_LE(search::changes(*recipe, region.reference), region.max_changes);
    EXPECT_NEAR(search::total_score(scores, *recipe), least_sum(space, scores, budget, &region), 1e-7) << seed;
  }
}

TEST(IntegerProgramme, UsesTheLastByte) {
  const SearchSpace space = small_space(6, {2, 4}, 1);
  const Recipe best{1, 0, 1, 1, 0, 0};
  Scores scores(6, {1, 1});
  for (std::size_t s = 0; s < 6; ++s) scores[s][best[s]] = 0;

  EXPECT_EQ(search::allocate(space, scores, space.bytes(best)), best);
  EXPECT_NE(search::allocate(space, scores, space.bytes(best) - 1), best);
}

TEST(IntegerProgramme, KeepsBytesExactWhenTheyAreMany) {
  SearchSpace space = small_space(8, {2, 3, 4}, 3);
  std::int64_t odd = 1;
  for (search::SearchSite& site : space.sites) {
    for (search::SiteOption& option : site.options) option.bytes = option.bytes * 1000003 + odd++;
  }
  const Scores scores = random_scores(space, 3);
  const std::int64_t budget = space.bytes(Recipe(8, 1));

  const std::optional<Recipe> recipe = search::allocate(space, scores, budget);

  ASSERT_TRUE(recipe.has_value());
  EXPECT_LE(space.bytes(*recipe), budget);
  EXPECT_NEAR(search::total_score(scores, *recipe), least_sum(space, scores, budget, nullptr), 1e-6);
}

TEST(IntegerProgramme, AvoidsForbiddenOptions) {
  const SearchSpace space = small_space(4, {2, 3}, 1);
  Scores scores(4, {1, 0});
  scores[2][1] = forbidden;

  EXPECT_EQ(search::allocate(space, scores, space.largest_bytes()), (Recipe{1, 1, 0, 1}));
}

TEST(IntegerProgramme, SaysWhenNothingIsAllowed) {
  const SearchSpace space = small_space(4, {2, 3}, 1);
  const Scores scores(4, {0, 0});

  EXPECT_EQ(search::allocate(space, scores, space.smallest_bytes() - 1), std::nullopt);
  EXPECT_EQ(search::allocate(space, scores, space.smallest_bytes(), TrustRegion{Recipe(4, 1), 3}), std::nullopt);
}

TEST(IntegerProgramme, SolvesTheSizeOfALargeModel) {
  const SearchSpace space = small_space(224, {2, 3, 4, 5, 6, 8}, 9);
  const Recipe reference(224, 1);
  Scores scores;
  for (std::size_t s = 0; s < 224; ++s) {
    scores.emplace_back();
    for (std::size_t o = 0; o < 6; ++o) {
      scores[s].push_back(std::exp(1.5 * keyed_normal(1, s)) * space.sites[s].options[o].local_error);
    }
  }

  const std::optional<Recipe> recipe =
      search::allocate(space, scores, space.bytes(reference), TrustRegion{reference, 56});

  ASSERT_TRUE(recipe.has_value());
  EXPECT_LE(search::changes(*recipe, reference), 56U);
  EXPECT_LT(search::total_score(scores, *recipe), search::total_score(scores, reference));
  EXPECT_EQ(recipe, search::allocate(space, scores, space.bytes(reference), TrustRegion{reference, 56}));
}

}  // namespace
}  // namespace pare::test
