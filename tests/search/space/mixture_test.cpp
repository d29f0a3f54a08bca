// SPDX-License-Identifier: Apache-2.0
#include "search/space/mixture.hpp"

#include <gmock/gmock.h>

#include "kernels/core/error.hpp"
#include "search/space/budget_rule.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/space/tiny_space.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using testing::ElementsAre;

/// The tiny space with a mixture that it can express, two that it cannot, and one that is a uniform recipe.
search::SearchSpace mixed_space() {
  search::SearchSpace space = tiny_space();
  space.mixtures = {{"larger", {{"w4"}, {"w4"}, {"w8"}}},
                    {"mixed", {{"w3-imatrix", "w3"}, {"w2"}, {"w4"}}},
                    {"lacking", {{"w2"}, {"w3-imatrix", "w3"}, {"w5"}}},
                    {"tied", {{}, {"w2"}, {"w2"}}},
                    {"uniform", {{"w4"}, {"w4"}, {"w4"}}}};
  return space;
}

TEST(Mixture, TakesTheFirstOptionOfEachSiteThatIsOffered) {
  search::SearchSpace space = mixed_space();

  EXPECT_EQ(search::mixture_recipe(space, "mixed"), (Recipe{1, 0, 2}));
  space.sites[0].options[2].name = "w3-imatrix";
  EXPECT_EQ(search::mixture_recipe(space, "mixed"), (Recipe{2, 0, 2}));
  EXPECT_EQ(search::mixture_recipe(space, "lacking"), std::nullopt);
  EXPECT_EQ(search::mixture_recipe(space, "unknown"), std::nullopt);
}

TEST(Mixture, GivesABudgetItsBytes) {
  EXPECT_EQ(search::resolve_budget(mixed_space(), search::SameAs{"mixed"}), 375 + 500 + 2000);
}

TEST(Mixture, SaysWhichOptionsAreMissingAndWhere) {
  const auto refusal = [](const std::string& name) {
    return error_of([&] { search::resolve_budget(mixed_space(), search::SameAs{name}); });
  };

  EXPECT_EQ(
      refusal("lacking"),
      "budget same_as: lacking (not everything it is made of is offered), it lacks w3 (1 site, b), w5 (1 site, c)");
  EXPECT_EQ(refusal("tied"),
            "budget same_as: tied (not everything it is made of is offered), it lacks layers of their own (1 site, a)");
}

TEST(Mixture, ListsWhatCanBeExpressedAndIsNoUniformRecipeBySize) {
  EXPECT_THAT(search::expressible_mixtures(mixed_space()), ElementsAre("mixed", "larger"));
}

}  // namespace
}  // namespace pare::test
