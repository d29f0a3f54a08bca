// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/nsga2.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using testing::ElementsAre;

TEST(Nsga2, FindsTheOptimumOfSmallSpaces) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = additive_problem(5, 8, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());

    const Outcome outcome = drive("nsga2", problem, seed, tokens_for(problem, 600));

    EXPECT_NEAR(problem.mean_kl(outcome.best()), optimum, 1e-9) << "seed " << seed;
  }
}

TEST(Nsga2, IsNotMisledByLossesThatDoNotAddUp) {
  const SyntheticProblem problem = jealous_pairs_problem(4);

  EXPECT_NEAR(problem.mean_kl(drive("nsga2", problem, 1, tokens_for(problem, 200)).best()), 4 * 0.15, 1e-9);
}

TEST(Nsga2, ClosesNineTenthsOfTheGapWhereSitesInteract) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = interacting_problem(7, 16, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());
    const double uniform = problem.mean_kl(*problem.space.uniform("w3-g32"));

    const Outcome outcome = drive("nsga2", problem, seed, tokens_for(problem, 1000));

    EXPECT_LE(problem.mean_kl(outcome.best()) - optimum, 0.1 * (uniform - optimum)) << "seed " << seed;
  }
}

TEST(Nsga2, NeverExceedsTheBudgetOrTheTokens) {
  const SyntheticProblem problem = transformer_like_problem(1);
  for (const std::int64_t limit : {1, 256, 1000, 20000, 100000, 400000}) {
    const Outcome outcome = drive("nsga2", problem, 1, limit);

    EXPECT_LE(outcome.tokens, limit);
    EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes) << limit;
    for (const search::EvaluationRequest& request : outcome.requests()) {
      EXPECT_TRUE(is_valid(problem.space, request.recipe));
      EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
    }
  }
}

TEST(Nsga2, BeatsRandomSearchAtEqualTokens) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SyntheticProblem problem = transformer_like_problem(seed);

    const Outcome outcome = drive("nsga2", problem, seed);
    const Outcome random = drive("random", problem, seed, outcome.tokens);

    EXPECT_LT(problem.mean_kl(outcome.best(), 1000, 512), problem.mean_kl(random.best(), 1000, 512)) << seed;
  }
}

TEST(Nsga2, ConfirmsItsBestOnAllWindows) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("nsga2", problem);

  ASSERT_EQ(outcome.batches.back().size(), 4U);
  for (const search::EvaluationRequest& request : outcome.batches.back()) {
    EXPECT_EQ(request.begin + request.count, problem.windows);
    EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(request.recipe));
  }
}

TEST(Nsga2, RepeatsItselfForTheSameSeedOnly) {
  const SyntheticProblem problem = interacting_problem(8, 16, 3);

  EXPECT_EQ(drive("nsga2", problem, 5).asked(), drive("nsga2", problem, 5).asked());
  EXPECT_NE(drive("nsga2", problem, 5).asked(), drive("nsga2", problem, 6).asked());
}

TEST(Nsga2, SortsFrontsByDominance) {
  const std::vector<search::Objectives> points{{3, 1}, {1, 3}, {2, 2}, {3, 3}, {2, 3}, {4, 4}, {3, 1}};

  EXPECT_THAT(search::non_dominated_ranks(points), ElementsAre(0U, 0U, 0U, 2U, 1U, 3U, 0U));
}

TEST(Nsga2, MeasuresCrowdingWithinAFront) {
  constexpr double end = std::numeric_limits<double>::infinity();
  const std::vector<search::Objectives> points{{0, 10}, {1, 8}, {6, 2}, {10, 0}, {20, 20}};

  EXPECT_THAT(search::crowding_distances(points, {0, 0, 0, 0, 1}),
              ElementsAre(end, 0.6 + 0.8, testing::DoubleNear(0.9 + 0.8, 1e-12), end, end));
}

TEST(Nsga2, RunsFortyGenerationsOfAsManyAsTheTokensPayFor) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("nsga2", problem);

  const std::size_t population = outcome.batches.front().size();
  EXPECT_GT(population, 10U);
  EXPECT_NEAR(static_cast<double>(outcome.batches.size()), 1 + 40 + 1, 2);
  EXPECT_EQ(outcome.batches[1].size(), population);
}

TEST(Nsga2, StartsAcrossTheFrontNextToTheBudget) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const Outcome outcome = drive("nsga2", problem);

  const auto range = static_cast<double>(problem.budget_bytes - problem.space.smallest_bytes());
  std::vector<double> below;  // the budget, as shares of the range
  for (const search::EvaluationRequest& each : outcome.batches.front()) {
    below.push_back(static_cast<double>(problem.budget_bytes - problem.space.bytes(each.recipe)) / range);
  }
  EXPECT_EQ(below[0], 0) << "uniform w3-g32";
  EXPECT_EQ(below[1], 1) << "uniform w2-g32";
  EXPECT_THAT(std::vector<double>(below.begin() + 2, below.end()), testing::Each(testing::Lt(0.11)));
  EXPECT_THAT(below, testing::Contains(testing::AllOf(testing::Gt(0.08), testing::Lt(0.11))));
}

}  // namespace
}  // namespace pare::test
