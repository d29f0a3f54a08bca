// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/greedy.hpp"

#include <gmock/gmock.h>

#include <set>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;

TEST(Greedy, FindsTheOptimumWhereLossesAddUp) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = additive_problem(7, 8, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());

    const Outcome outcome = drive("greedy", problem, seed, tokens_for(problem, 2000));

    EXPECT_NEAR(problem.mean_kl(outcome.best()), optimum, 1e-9) << "seed " << seed;
  }
}

TEST(Greedy, SeesAPartnersStepBeforeItTakesItsOwn) {
  const SyntheticProblem problem = jealous_pairs_problem(4);

  EXPECT_NEAR(problem.mean_kl(drive("greedy", problem, 1, tokens_for(problem, 500)).best()), 4 * 0.15, 1e-9);
}

TEST(Greedy, ClosesNineTenthsOfTheGapWhereSitesInteract) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = interacting_problem(7, 16, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());
    const double uniform = problem.mean_kl(*problem.space.uniform("w3-g32"));

    const Outcome outcome = drive("greedy", problem, seed, tokens_for(problem, 1000));

    EXPECT_LE(problem.mean_kl(outcome.best()) - optimum, 0.1 * (uniform - optimum)) << "seed " << seed;
  }
}

TEST(Greedy, GoesFromTheLargestOptionsDownToTheBudget) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("greedy", problem);

  EXPECT_EQ(outcome.requests().front().recipe, search::richest_recipe(problem.space));
  std::int64_t before = problem.space.largest_bytes();
  for (const auto& batch : outcome.batches) {
    for (const search::EvaluationRequest& each : batch) EXPECT_TRUE(is_valid(problem.space, each.recipe));
    const std::int64_t bytes = problem.space.bytes(batch.front().recipe);
    if (before <= problem.budget_bytes) break;
    EXPECT_LE(bytes, before);
    before = bytes;
  }
  EXPECT_LE(before, problem.budget_bytes);
  EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes);
}

TEST(Greedy, MeasuresFewStepsAgain) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const std::size_t sites = problem.space.sites.size();

  const Outcome outcome = drive("greedy", problem);

  EXPECT_EQ(outcome.batches.front().size(), sites + 1);
  for (std::size_t i = 1; problem.space.bytes(outcome.batches[i].back().recipe) > problem.budget_bytes; ++i) {
    EXPECT_LE(outcome.batches[i].size(), 9U);
  }
}

TEST(Greedy, StepsOverAnOptionThatASmallerOneBeats) {
  SyntheticProblem problem = additive_problem(4, 4, 1);
  for (search::SearchSite& site : problem.space.sites) site.options[2].local_error = 10;

  const Outcome outcome = drive("greedy", problem, 1, tokens_for(problem, 500));

  ASSERT_GT(problem.space.bytes(outcome.batches[2].front().recipe), problem.budget_bytes);
  for (const auto& batch : outcome.batches) {
    if (problem.space.bytes(batch.front().recipe) <= problem.budget_bytes) break;
    for (const search::EvaluationRequest& each : batch) EXPECT_THAT(each.recipe, testing::Not(testing::Contains(2)));
  }
}

TEST(Greedy, StaysWithinItsTokens) {
  const SyntheticProblem problem = transformer_like_problem(2);
  for (const std::int64_t limit : {1, 256, 1000, 20000, 100000, 400000, 2000000}) {
    const Outcome outcome = drive("greedy", problem, 1, limit);

    EXPECT_LE(outcome.tokens, limit);
    EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes) << limit;
  }
}

TEST(Greedy, GoesOnWithThePricesItHasWhenTokensRunOut) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const Recipe without_data = drive("greedy", problem, 1, 256).best();

  const Outcome outcome = drive("greedy", problem, 1, 25000);

  EXPECT_LT(problem.mean_kl(outcome.best()), problem.mean_kl(without_data));
}

TEST(Greedy, BeatsUniformAndRandomSearchAtEqualTokens) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SyntheticProblem problem = transformer_like_problem(seed);

    const Outcome greedy = drive("greedy", problem, seed);
    const Outcome random = drive("random", problem, seed, greedy.tokens);

    EXPECT_LT(problem.mean_kl(greedy.best(), 1000, 512), problem.mean_kl(random.best(), 1000, 512)) << seed;
    EXPECT_LT(problem.mean_kl(greedy.best(), 1000, 512), problem.mean_kl(*problem.space.uniform("w3-g32"), 1000, 512))
        << seed;
  }
}

TEST(Greedy, AsksTheSameForEverySeed) {
  const SyntheticProblem problem = interacting_problem(8, 16, 3);

  EXPECT_EQ(drive("greedy", problem, 1).asked(), drive("greedy", problem, 2).asked());
}

}  // namespace
}  // namespace pare::test
