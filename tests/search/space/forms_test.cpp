// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cmath>

#include "search/space/moves.hpp"
#include "search/space/random.hpp"
#include "tests/search/space/formed_space.hpp"
#include "tests/search/space/tiny_space.hpp"

namespace pare::test {
namespace {

using search::DecisionRandom;
using search::Recipe;
using search::SearchSpace;
using testing::ElementsAre;

TEST(Forms, MakeUnitsOfTheSitesOfAStage) {
  EXPECT_THAT(formed_space(2, 3).units(), ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3, 4, 5), ElementsAre(6)));
  EXPECT_THAT(tiny_space().units(), ElementsAre(ElementsAre(0), ElementsAre(1), ElementsAre(2)));
  EXPECT_THAT(formed_space(1, 2).forms({0, 1}), ElementsAre("drop", "half", ""));
}

TEST(Forms, OfTheSitesOfAUnitAgreeInASettledRecipe) {
  const SearchSpace space = formed_space(1, 2);
  EXPECT_TRUE(space.is_settled({1, 2, 0}));
  EXPECT_TRUE(space.is_settled({3, 5, 1}));
  EXPECT_FALSE(space.is_settled({2, 3, 0}));
  EXPECT_FALSE(space.is_settled({0, 5, 0}));
}

TEST(Forms, BoundWhatARecipeCanCost) {
  const SearchSpace space = formed_space(2, 2);
  EXPECT_EQ(space.smallest_recipe(), (Recipe{0, 0, 0, 0, 0}));
  EXPECT_EQ(space.largest_recipe(), (Recipe{5, 5, 5, 5, 1}));
  EXPECT_EQ(space.smallest_bytes(), 200);
  EXPECT_EQ(space.largest_bytes(), 2 * (500 + 600) + 400);
  EXPECT_NEAR(space.log10_size(), std::log10(14.0 * 14.0 * 2.0), 1e-12);  // 1 + 2 x 2 + 3 x 3 a unit
}

TEST(Forms, StayWhenASiteTakesAStep) {
  const search::SearchSite site = formed_space(1, 1).sites[0];
  EXPECT_EQ(search::next_smaller(site, 3), std::nullopt);
  EXPECT_EQ(search::next_larger(site, 2), std::nullopt);
  EXPECT_EQ(search::next_larger(site, 1), 2);
  EXPECT_EQ(search::next_larger(site, 0), std::nullopt);
}

TEST(Forms, ChangeToTheNearestBytes) {
  const search::SearchSite site = formed_space(1, 1).sites[0];
  EXPECT_EQ(search::nearest_of_form(site, 5, "half"), 2);
  EXPECT_EQ(search::nearest_of_form(site, 2, ""), 3);
  EXPECT_EQ(search::nearest_of_form(site, 0, "half"), 1);  // all cost more
  EXPECT_EQ(search::nearest_of_form(site, 4, "drop"), 0);
}

TEST(Forms, AreThoseOfTheFirstSiteOnceSettled) {
  const SearchSpace space = formed_space(2, 2);
  EXPECT_EQ(search::settle(space, {5, 0, 1, 4, 1}), (Recipe{5, 3, 1, 2, 1}));
  EXPECT_EQ(search::settle(space, {3, 4, 0, 0, 0}), (Recipe{3, 4, 0, 0, 0}));
}

TEST(Forms, AgreeAfterEveryMove) {
  const SearchSpace space = formed_space(3, 3);
  const std::int64_t budget = space.largest_bytes() / 3;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    DecisionRandom random(seed, 0);
    const Recipe a = search::random_recipe(space, budget, random), b = search::random_recipe(space, budget, random);
    std::vector<std::optional<Recipe>> moved{
        a, search::cross(space, a, b, budget, random), search::repair(space, a, budget / 2),
        search::raise_kind(space, a, budget, "kind1", random), search::raise_layer(space, b, budget, 1, random)};
    for (const auto& recipe : moved) {
      if (!recipe) continue;
      EXPECT_TRUE(space.is_settled(*recipe));
      EXPECT_LE(space.bytes(*recipe), budget);
    }
  }
}

TEST(Forms, OfARandomRecipeFitABudgetThatOnlyTheSmallestMeets) {
  const SearchSpace space = formed_space(3, 3);
  DecisionRandom random(1, 0);
  EXPECT_EQ(search::random_recipe(space, space.smallest_bytes(), random), space.smallest_recipe());
}

}  // namespace
}  // namespace pare::test
