// SPDX-License-Identifier: Apache-2.0
#include "search/space/budget_rule.hpp"

#include <gmock/gmock.h>

#include "kernels/core/error.hpp"
#include "tests/search/space/tiny_space.hpp"

namespace pare::test {
namespace {

std::string refusal(const search::BudgetRule& rule) {
  try {
    search::resolve_budget(tiny_space(), rule);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Budget, ResolvesEveryRuleToBytes) {
  const search::SearchSpace space = tiny_space();

  EXPECT_EQ(search::resolve_budget(space, search::SameAs{"w4"}), 3500);
  EXPECT_EQ(search::resolve_budget(space, search::BitsPerWeight{3}), 2625);
  EXPECT_EQ(search::resolve_budget(space, search::Bytes{2000}), 2000);
  EXPECT_EQ(search::resolve_budget(space, search::Ratio{0.25}), 3500);
}

TEST(Budget, AcceptsTheSmallestAndTheLargestRecipe) {
  EXPECT_EQ(search::resolve_budget(tiny_space(), search::BitsPerWeight{2}), 1750);
  EXPECT_EQ(search::resolve_budget(tiny_space(), search::Bytes{5500}), 5500);
}

TEST(Budget, SaysTheSmallestPossibleInItsOwnUnit) {
  EXPECT_EQ(refusal(search::BitsPerWeight{1.5}),
            "budget bits: 1.5, that is 1312 bytes (no recipe fits), the smallest possible is 2 bits (1750 bytes)");
  EXPECT_EQ(refusal(search::Ratio{0.1}),
            "budget ratio: 0.1, that is 1400 bytes (no recipe fits), the smallest possible is 0.125 (1750 bytes)");
  EXPECT_EQ(refusal(search::Bytes{12}), "budget bytes: 12 (no recipe fits), the smallest possible is 1750 bytes");
}

TEST(Budget, SaysWhenThereIsNothingToSearch) {
  EXPECT_EQ(refusal(search::BitsPerWeight{7}),
            "budget bits: 7, that is 6125 bytes (every recipe fits: there is nothing to search), the largest "
            "recipe is "
            "6.2857 bits (5500 bytes)");
  EXPECT_EQ(refusal(search::Bytes{5501}),
            "budget bytes: 5501 (every recipe fits: there is nothing to search), the largest recipe is 5500 bytes");
}

TEST(Budget, NamesTheNearestUniformOption) {
  EXPECT_EQ(refusal(search::SameAs{"w3"}),
            "budget same_as: w3 (not offered at every site), did you mean 'w2'? (known: w2, w4)");
  EXPECT_EQ(refusal(search::SameAs{"w44"}),
            "budget same_as: w44 (not offered at every site), did you mean 'w4'? (known: w2, w4)");
}

TEST(Budget, RefusesNumbersThatAreNoAmount) {
  EXPECT_EQ(refusal(search::BitsPerWeight{0}), "budget bits: 0 (it must be a positive number), for example 3.5");
  EXPECT_EQ(refusal(search::Ratio{-1}), "budget ratio: -1 (it must be a positive number), for example 0.25");
}

TEST(Budget, AcceptsTheBoundItNames) {
  search::SearchSpace space = tiny_space();
  space.sites[0].options[0].bytes = 251;  // 2.0011.. bits

  EXPECT_EQ(search::resolve_budget(space, search::BitsPerWeight{2.0012}), 1751);
}

}  // namespace
}  // namespace pare::test
