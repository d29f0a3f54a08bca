// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/tpe.hpp"

#include <gmock/gmock.h>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using testing::ElementsAre;

TEST(Tpe, CountsThePriorAsOneTrial) {
  const search::SearchSpace space = small_space(2, {2, 4});

  EXPECT_THAT(search::option_shares(space, {{0, 1}, {0, 0}, {0, 1}, {1, 1}}, 0, 3, 1),
              ElementsAre(ElementsAre(3.5 / 4, 0.5 / 4), ElementsAre(1.5 / 4, 2.5 / 4)));
}

TEST(Tpe, StartsWithThirtyTwoTrialsThenAsksForEight) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("tpe", problem);

  EXPECT_EQ(outcome.batches[0].size(), 32U);
  EXPECT_EQ(outcome.batches[0].front().recipe, *problem.space.uniform("w3-g32"));
  EXPECT_EQ(outcome.batches[1].size(), 8U);
  EXPECT_EQ(outcome.batches[1].front().count, 8);
}

}  // namespace
}  // namespace pare::test
