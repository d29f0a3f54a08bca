// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/tpe.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using testing::ElementsAre;

TEST(Tpe, FindsTheOptimumOfSmallSpaces) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = additive_problem(5, 8, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());

    const Outcome outcome = drive("tpe", problem, seed, tokens_for(problem, 600));

    EXPECT_NEAR(problem.mean_kl(outcome.best()), optimum, 1e-9) << "seed " << seed;
  }
}

TEST(Tpe, IsNotMisledByLossesThatDoNotAddUp) {
  const SyntheticProblem problem = jealous_pairs_problem(4);

  EXPECT_NEAR(problem.mean_kl(drive("tpe", problem, 1, tokens_for(problem, 200)).best()), 4 * 0.15, 1e-9);
}

TEST(Tpe, ClosesNineTenthsOfTheGapWhereSitesInteract) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = interacting_problem(7, 16, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());
    const double uniform = problem.mean_kl(*problem.space.uniform("w3-g32"));

    const Outcome outcome = drive("tpe", problem, seed, tokens_for(problem, 1000));

    EXPECT_LE(problem.mean_kl(outcome.best()) - optimum, 0.1 * (uniform - optimum)) << "seed " << seed;
  }
}

TEST(Tpe, NeverExceedsTheBudgetOrTheTokens) {
  const SyntheticProblem problem = transformer_like_problem(1);
  for (const std::int64_t limit : {1, 256, 1000, 20000, 100000, 400000}) {
    const Outcome outcome = drive("tpe", problem, 1, limit);

    EXPECT_LE(outcome.tokens, limit);
    EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes) << limit;
    for (const search::EvaluationRequest& request : outcome.requests()) {
      EXPECT_TRUE(is_valid(problem.space, request.recipe));
      EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
    }
  }
}

TEST(Tpe, BeatsRandomSearchAtEqualTokens) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SyntheticProblem problem = transformer_like_problem(seed);

    const Outcome outcome = drive("tpe", problem, seed);
    const Outcome random = drive("random", problem, seed, outcome.tokens);

    EXPECT_LT(problem.mean_kl(outcome.best(), 1000, 512), problem.mean_kl(random.best(), 1000, 512)) << seed;
  }
}

TEST(Tpe, ConfirmsItsBestOnAllWindows) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("tpe", problem);

  ASSERT_EQ(outcome.batches.back().size(), 4U);
  for (const search::EvaluationRequest& request : outcome.batches.back()) {
    EXPECT_EQ(request.begin + request.count, problem.windows);
    EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(request.recipe));
  }
}

TEST(Tpe, RepeatsItselfForTheSameSeedOnly) {
  const SyntheticProblem problem = interacting_problem(8, 16, 3);

  EXPECT_EQ(drive("tpe", problem, 5).asked(), drive("tpe", problem, 5).asked());
  EXPECT_NE(drive("tpe", problem, 5).asked(), drive("tpe", problem, 6).asked());
}

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
