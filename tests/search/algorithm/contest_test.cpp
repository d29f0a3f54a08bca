// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/contest.hpp"

#include <gmock/gmock.h>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Finalist;
using search::Recipe;

TEST(Contest, NamesTheUniformRecipesAroundTheBudget) {
  const search::SearchSpace space = small_space(5, {2, 3, 4, 8});
  const std::int64_t three_bits = space.bytes(Recipe(5, 1));

  const std::vector<Finalist> both = search::uniform_contestants(space, three_bits);
  const std::vector<Finalist> above = search::uniform_contestants(space, space.smallest_bytes() - 1);
  const std::vector<Finalist> below = search::uniform_contestants(space, space.largest_bytes());

  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].name, "uniform w3-g32");
  EXPECT_EQ(both[0].recipe, Recipe(5, 1));
  EXPECT_EQ(both[1].name, "uniform w4-g32");
  ASSERT_EQ(above.size(), 1U);
  EXPECT_EQ(above[0].name, "uniform w2-g32");
  ASSERT_EQ(below.size(), 1U);
  EXPECT_EQ(below[0].name, "uniform w8-g32");
}

TEST(Contest, AddsTheMixturesAroundTheBudget) {
  search::SearchSpace space = small_space(2, {2, 3, 4, 8});
  space.mixtures = {{"large", {{"w8-g32"}, {"w4-g32"}}},
                    {"fits", {{"w4-g32"}, {"w2-g32"}}},
                    {"small", {{"w2-g32"}, {"w3-g32"}}},
                    {"missing", {{"w5-g32"}, {"w2-g32"}}}};

  const std::vector<Finalist> all = search::plain_contestants(space, space.bytes({2, 0}));

  ASSERT_EQ(all.size(), 4U);  // two uniform ones first
  EXPECT_EQ(all[2].name, "fits");
  EXPECT_EQ(all[3].name, "large");
}

TEST(Contest, ListsFittingUniformRecipesLargestFirst) {
  const search::SearchSpace space = small_space(5, {2, 3, 4, 8});

  EXPECT_THAT(search::fitting_uniforms(space, space.bytes(Recipe(5, 1)) + 1),
              testing::ElementsAre(Recipe(5, 1), Recipe(5, 0)));
}

TEST(Contest, SpendsTheBudgetOnLocalErrors) {
  const search::SearchSpace space = small_space(9, {2, 3, 4, 8}, 4);
  const Recipe uniform(9, 1);

  const Recipe local = search::local_recipe(space, space.bytes(uniform));

  EXPECT_LE(space.bytes(local), space.bytes(uniform));
  EXPECT_LE(search::total_score(search::local_scores(space), local),
            search::total_score(search::local_scores(space), uniform));
}

}  // namespace
}  // namespace pare::test
