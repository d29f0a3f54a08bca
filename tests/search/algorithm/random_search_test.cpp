// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/random_search.hpp"

#include <gmock/gmock.h>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

TEST(RandomSearch, NeverExceedsTheBudgetOrTheTokens) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("random", problem, 1, 200000);

  EXPECT_LE(outcome.tokens, 200000);
  for (const search::EvaluationRequest& request : outcome.requests()) {
    EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
  }
}

TEST(RandomSearch, MeasuresFewerRecipesOnMoreWindows) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("random", problem, 1, 400000);

  ASSERT_EQ(outcome.batches.size(), 4U);
  for (std::size_t rung = 1; rung < 4; ++rung) {
    EXPECT_LT(outcome.batches[rung].size(), outcome.batches[rung - 1].size());
  }
  EXPECT_EQ(outcome.batches.front().front().count, 1);
}

TEST(RandomSearch, ReturnsTheBestOfTheLastRung) {
  const SyntheticProblem problem = additive_problem(6, 1, 1);

  const Outcome outcome = drive("random", problem, 1, 2000 * 256);

  for (const search::EvaluationRequest& request : outcome.requests()) {
    EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(request.recipe));
  }
}

}  // namespace
}  // namespace pare::test
