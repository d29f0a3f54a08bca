// SPDX-License-Identifier: Apache-2.0
// What nsga2 and tpe, which know nothing of a recipe but its loss, both promise.
#include <gmock/gmock.h>

#include <string>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

class BlackBox : public testing::TestWithParam<std::string> {};

TEST_P(BlackBox, FindsTheOptimumOfSmallSpaces) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = additive_problem(5, 8, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());

    const Outcome outcome = drive(GetParam(), problem, seed, tokens_for(problem, 600));

    EXPECT_NEAR(problem.mean_kl(outcome.best()), optimum, 1e-9) << "seed " << seed;
  }
}

TEST_P(BlackBox, IsNotMisledByLossesThatDoNotAddUp) {
  const SyntheticProblem problem = jealous_pairs_problem(4);

  EXPECT_NEAR(problem.mean_kl(drive(GetParam(), problem, 1, tokens_for(problem, 200)).best()), 4 * 0.15, 1e-9);
}

TEST_P(BlackBox, ClosesNineTenthsOfTheGapWhereSitesInteract) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = interacting_problem(7, 16, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());
    const double uniform = problem.mean_kl(*problem.space.uniform("w3-g32"));

    const Outcome outcome = drive(GetParam(), problem, seed, tokens_for(problem, 1000));

    EXPECT_LE(problem.mean_kl(outcome.best()) - optimum, 0.1 * (uniform - optimum)) << "seed " << seed;
  }
}

TEST_P(BlackBox, NeverExceedsTheBudgetOrTheTokens) {
  const SyntheticProblem problem = transformer_like_problem(1);
  for (const std::int64_t limit : {1, 256, 1000, 20000, 100000, 400000}) {
    const Outcome outcome = drive(GetParam(), problem, 1, limit);

    EXPECT_LE(outcome.tokens, limit);
    EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes) << limit;
    for (const search::EvaluationRequest& request : outcome.requests()) {
      EXPECT_TRUE(is_valid(problem.space, request.recipe));
      EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
    }
  }
}

TEST_P(BlackBox, BeatsRandomSearchAtEqualTokens) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SyntheticProblem problem = transformer_like_problem(seed);

    const Outcome outcome = drive(GetParam(), problem, seed);
    const Outcome random = drive("random", problem, seed, outcome.tokens);

    EXPECT_LT(problem.mean_kl(outcome.best(), 1000, 512), problem.mean_kl(random.best(), 1000, 512)) << seed;
  }
}

TEST_P(BlackBox, ConfirmsItsBestOnAllWindows) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive(GetParam(), problem);

  ASSERT_EQ(outcome.batches.back().size(), 4U);
  for (const search::EvaluationRequest& request : outcome.batches.back()) {
    EXPECT_EQ(request.begin + request.count, problem.windows);
    EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(request.recipe));
  }
}

TEST_P(BlackBox, RepeatsItselfForTheSameSeedOnly) {
  const SyntheticProblem problem = interacting_problem(8, 16, 3);

  EXPECT_EQ(drive(GetParam(), problem, 5).asked(), drive(GetParam(), problem, 5).asked());
  EXPECT_NE(drive(GetParam(), problem, 5).asked(), drive(GetParam(), problem, 6).asked());
}

INSTANTIATE_TEST_SUITE_P(Of, BlackBox, testing::Values("nsga2", "tpe"), [](const auto& each) { return each.param; });

}  // namespace
}  // namespace pare::test
