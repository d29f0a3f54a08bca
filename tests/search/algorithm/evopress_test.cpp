// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/evopress.hpp"

#include <gmock/gmock.h>

#include <map>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;

/// Eight sites of two sizes, levels evenly spaced.
SyntheticProblem two_classes() {
  SyntheticProblem problem = interacting_problem(8, 64, 1);
  for (std::size_t s = 0; s < 8; ++s) {
    search::SearchSite& site = problem.space.sites[s];
    site.weights = s < 5 ? 1024 : 4096;
    for (std::size_t o = 0; o < site.options.size(); ++o) {
      site.options[o].bytes = site.weights * (2 + static_cast<std::int64_t>(o)) / 8;
    }
  }
  problem.budget_bytes = problem.space.bytes(Recipe(8, 1));
  return problem;
}

std::map<std::int64_t, int> levels_of_classes(const search::SearchSpace& space, const Recipe& recipe) {
  std::map<std::int64_t, int> sums;
  for (std::size_t s = 0; s < recipe.size(); ++s) sums[space.sites[s].weights] += recipe[s];
  return sums;
}

TEST(EvoPress, KeepsTheAverageOfEverySizeClass) {
  const SyntheticProblem problem = two_classes();

  for (const search::EvaluationRequest& request : drive("evopress", problem, 1, 500000).requests()) {
    EXPECT_EQ(levels_of_classes(problem.space, request.recipe), levels_of_classes(problem.space, Recipe(8, 1)));
    EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
  }
}

TEST(EvoPress, TradesBytesBetweenClassesWhenTheyAreOff) {
  const SyntheticProblem problem = two_classes();
  const Recipe uniform(8, 1);
  bool crossed = false;

  for (const search::EvaluationRequest& request : drive("evopress-bytes", problem, 1, 500000).requests()) {
    crossed = crossed || levels_of_classes(problem.space, request.recipe) != levels_of_classes(problem.space, uniform);
    EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
  }

  EXPECT_TRUE(crossed);
}

TEST(EvoPress, FindsTheOptimumOfASmallClass) {
  SyntheticProblem problem = two_classes();
  problem.space.sites.resize(5);  // one size class
  problem.budget_bytes = problem.space.bytes(Recipe(5, 1));
  problem.kl = additive_problem(5, problem.windows, 3).kl;
  const double optimum = problem.mean_kl(drive("exhaustive", problem).best());
  for (const std::string algorithm : {"evopress", "evopress-bytes"}) {
    EXPECT_NEAR(problem.mean_kl(drive(algorithm, problem, 1, 3000000).best()), optimum, 1e-9) << algorithm;
  }
}

TEST(EvoPress, ImprovesOnUniformWhereSitesInteract) {
  const SyntheticProblem problem = two_classes();
  const double uniform = problem.mean_kl(Recipe(8, 1));
  const double within = problem.mean_kl(drive("evopress", problem, 1, 3000000).best());

  EXPECT_LT(within, uniform);
  EXPECT_LT(problem.mean_kl(drive("evopress-bytes", problem, 1, 3000000).best()), uniform);
}

TEST(EvoPress, SelectsInThreeStagesOnFreshWindows) {
  const SyntheticProblem problem = transformer_like_problem(1);

  const Outcome outcome = drive("evopress", problem, 1, 2 * 576 * 256);

  ASSERT_EQ(outcome.batches.size(), 6U);
  for (std::size_t generation = 0; generation < 2; ++generation) {
    const auto* batch = &outcome.batches[3 * generation];
    EXPECT_EQ(batch[0].size(), 128U);
    EXPECT_EQ(batch[0].front().count, 1);
    EXPECT_EQ(batch[1].size(), 16U);
    EXPECT_EQ(batch[1].front().count, 8);
    EXPECT_EQ(batch[2].size(), 5U);
    EXPECT_EQ(batch[2].front().count, 64);
  }
  EXPECT_EQ(outcome.batches[2].back().recipe, *problem.space.uniform("w3-g32"));
  EXPECT_NE(outcome.batches[0].front().begin, outcome.batches[3].front().begin);
}

TEST(EvoPress, NeverLosesItsParentOnTheLastStage) {
  const SyntheticProblem problem = transformer_like_problem(2);
  const Recipe uniform = *problem.space.uniform("w3-g32");

  const Outcome outcome = drive("evopress", problem, 2, 1000000);

  EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(uniform));
}

TEST(EvoPress, StartsFromRandomRoundingsBetweenLevels) {
  SyntheticProblem problem = transformer_like_problem(3);
  problem.budget_bytes += 10000;

  const Outcome outcome = drive("evopress", problem, 3, 600000);

  ASSERT_FALSE(outcome.batches.empty());
  for (const search::EvaluationRequest& request : outcome.batches.front()) {
    const std::int64_t bytes = problem.space.bytes(request.recipe);
    EXPECT_LE(bytes, problem.budget_bytes);
    EXPECT_GT(bytes, problem.budget_bytes - 1500);
  }
}

TEST(EvoPress, StopsAfterItsGenerationsWithoutALimit) {
  const SyntheticProblem problem = two_classes();
  search::EvoPressSettings settings;
  settings.generations = 3;
  search::EvoPress evopress(problem.problem(), settings);

  EXPECT_EQ(drive(evopress, problem).batches.size(), 9U);
}

TEST(EvoPress, RepeatsItselfForTheSameSeedOnly) {
  const SyntheticProblem problem = transformer_like_problem(4);

  const Outcome first = drive("evopress", problem, 1, 300000);
  const Outcome again = drive("evopress", problem, 1, 300000);
  const Outcome other = drive("evopress", problem, 2, 300000);

  EXPECT_EQ(first.best(), again.best());
  EXPECT_EQ(first.tokens, again.tokens);
  EXPECT_NE(first.requests().front().recipe, other.requests().front().recipe);
}

}  // namespace
}  // namespace pare::test
