// SPDX-License-Identifier: Apache-2.0
#include "search/space/moves.hpp"

#include <gtest/gtest.h>

#include "tests/search/space/tiny_space.hpp"

namespace pare::test {
namespace {

using search::DecisionRandom;
using search::Recipe;
using search::SearchSpace;

/// Twelve sites of different sizes with levels that are not evenly spaced.
SearchSpace uneven_space() {
  SearchSpace space;
  for (int s = 0; s < 12; ++s) {
    const std::int64_t weights = 640 * (1 + s % 5);
    search::SearchSite site{
        "s" + std::to_string(s), s % 3 == 0 ? "v_proj" : "up_proj", s / 4, s, weights, 2 * weights, {}};
    for (const int b : {2, 3, 4, 8})
      site.options.push_back({"w" + std::to_string(b), weights * b / 8 + 2 * s, 1.0 / (1 << (2 * b))});
    space.sites.push_back(site);
  }
  return space;
}

TEST(Moves, StepsSkipOptionsOfEqualBytes) {
  const search::SearchSite site{"a", "k", 0, 0, 8, 16, {{"x", 10, 0.3}, {"y", 10, 0.2}, {"z", 20, 0.1}}};

  EXPECT_EQ(search::next_smaller(site, 2), 1);
  EXPECT_EQ(search::next_smaller(site, 1), std::nullopt);
  EXPECT_EQ(search::next_larger(site, 0), 2);
  EXPECT_EQ(search::next_larger(site, 2), std::nullopt);
}

TEST(Moves, RepairLeavesAFittingRecipeAlone) {
  const SearchSpace space = tiny_space();

  EXPECT_EQ(search::repair(space, {1, 1, 1}, space.bytes({1, 1, 1})), (Recipe{1, 1, 1}));
}

TEST(Moves, RepairTakesTheCheapestSingleStepThatIsEnough) {
  const SearchSpace space = tiny_space();
  const Recipe recipe{2, 1, 2};  // 4 bits everywhere, 3500 bytes

  EXPECT_EQ(search::repair(space, recipe, 3500 - 100), (Recipe{1, 1, 2}));
  EXPECT_EQ(search::repair(space, recipe, 3500 - 450), (Recipe{2, 1, 1}));
}

TEST(Moves, RepairDoesNotTouchFrozenSites) {
  const SearchSpace space = tiny_space();

  EXPECT_EQ(search::repair(space, {2, 1, 2}, 3400, {true, false, false}), (Recipe{2, 1, 1}));
  EXPECT_EQ(search::repair(space, {2, 1, 2}, 1750, {true, false, false}), std::nullopt);
}

TEST(Moves, RepairAlwaysFitsWhatCanFit) {
  const SearchSpace space = uneven_space();
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    DecisionRandom random(1, draw);
    Recipe recipe(space.sites.size());
    for (std::uint8_t& option : recipe) option = static_cast<std::uint8_t>(random.below(4));
    const std::int64_t budget =
        space.smallest_bytes() +
        random.below(static_cast<std::uint32_t>(space.largest_bytes() - space.smallest_bytes()));

    const std::optional<Recipe> repaired = search::repair(space, recipe, budget);

    ASSERT_TRUE(repaired.has_value());
    EXPECT_LE(space.bytes(*repaired), budget);
    for (std::size_t s = 0; s < recipe.size(); ++s) EXPECT_LE((*repaired)[s], recipe[s]);
  }
}

TEST(Moves, SpendLeavesTooLittleForAnyStep) {
  const SearchSpace space = uneven_space();
  const std::int64_t budget = space.bytes(Recipe(12, 1)) + 777;

  const Recipe spent = search::spend(space, Recipe(12, 1), budget);

  const std::int64_t left = budget - space.bytes(spent);
  EXPECT_GE(left, 0);
  for (std::size_t s = 0; s < spent.size(); ++s) {
    const auto larger = search::next_larger(space.sites[s], spent[s]);
    if (!larger) continue;
    EXPECT_GT(space.sites[s].options[*larger].bytes - space.sites[s].options[spent[s]].bytes, left);
  }
}

TEST(Moves, RaisedSitesGoUpAndOthersPayWithinTheBudget) {
  const SearchSpace space = uneven_space();
  const Recipe start(12, 1);
  const std::int64_t budget = space.bytes(start);
  for (std::uint64_t draw = 0; draw < 100; ++draw) {
    DecisionRandom random(2, draw);

    const std::optional<Recipe> moved = search::raise_and_pay(space, start, budget, {0, 7}, random);

    ASSERT_TRUE(moved.has_value());
    EXPECT_LE(space.bytes(*moved), budget);
    EXPECT_EQ((*moved)[0], 2);
    EXPECT_EQ((*moved)[7], 2);
  }
}

TEST(Moves, WholeKindsAndLayersMoveTogether) {
  const SearchSpace space = uneven_space();
  const Recipe start(12, 1);
  DecisionRandom random(3, 0);

  const std::optional<Recipe> kind = search::raise_kind(space, start, space.bytes(start), "v_proj", random);
  const std::optional<Recipe> layer = search::raise_layer(space, start, space.bytes(start), 1, random);

  ASSERT_TRUE(kind && layer);
  for (const std::size_t s : {0, 3, 6, 9}) EXPECT_EQ((*kind)[s], 2);
  for (const std::size_t s : {4, 5, 6, 7}) EXPECT_EQ((*layer)[s], 2);
  EXPECT_LE(space.bytes(*kind), space.bytes(start));
  EXPECT_LE(space.bytes(*layer), space.bytes(start));
}

TEST(Moves, NothingMovesWhereNobodyCanPay) {
  const SearchSpace space = tiny_space();
  DecisionRandom random(4, 0);

  EXPECT_EQ(search::raise_and_pay(space, {0, 0, 0}, 1750, {0}, random), std::nullopt);
  EXPECT_EQ(search::raise_and_pay(space, {2, 1, 3}, 5500, {0, 1, 2}, random), std::nullopt);
}

TEST(Moves, ChildrenAndRandomRecipesFitAndSpendNearlyAll) {
  const SearchSpace space = uneven_space();
  const std::int64_t budget = space.bytes(Recipe(12, 1)) + 1000;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    DecisionRandom random(5, draw);

    const Recipe a = search::random_recipe(space, budget, random);
    const Recipe b = search::random_recipe(space, budget, random);
    const std::optional<Recipe> child = search::cross(space, a, b, budget, random);

    EXPECT_LE(space.bytes(a), budget);
    EXPECT_GT(space.bytes(a), budget - 5 * 640 / 2);
    ASSERT_TRUE(child.has_value());
    EXPECT_LE(space.bytes(*child), budget);
  }
}

}  // namespace
}  // namespace pare::test
