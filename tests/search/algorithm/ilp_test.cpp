// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/ilp.hpp"

#include <gmock/gmock.h>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;

TEST(Ilp, FindsTheOptimumWhereLossesAddUp) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = additive_problem(7, 8, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());

    EXPECT_NEAR(problem.mean_kl(drive("ilp", problem, seed).best()), optimum, 1e-9) << "seed " << seed;
  }
}

TEST(Ilp, LowersBothOfAPairWhereLossesDoNotAddUp) {
  const SyntheticProblem problem = jealous_pairs_problem(4);

  const Outcome ilp = drive("ilp", problem);

  EXPECT_NEAR(problem.mean_kl(drive("exhaustive", problem).best()), 4 * 0.15, 1e-9);
  EXPECT_EQ(ilp.best(), (Recipe{0, 0, 0, 0, 1, 1, 1, 1}));
  EXPECT_NEAR(problem.mean_kl(ilp.best()), 4 * 0.1 + 2 * 5, 1e-9);
}

TEST(Ilp, MeasuresEverySingleChangeOfTheLargestOptionsOnce) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const Recipe reference = search::richest_recipe(problem.space);

  const Outcome outcome = drive("ilp", problem);

  ASSERT_EQ(outcome.batches.size(), 1U);
  EXPECT_EQ(outcome.batches[0].size(), 1U + 35 * 5);
  EXPECT_EQ(outcome.batches[0].front().recipe, reference);
  for (std::size_t i = 1; i < outcome.batches[0].size(); ++i) {
    EXPECT_TRUE(is_valid(problem.space, outcome.batches[0][i].recipe));
    EXPECT_EQ(search::changes(outcome.batches[0][i].recipe, reference), 1U);
  }
  EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes);
}

TEST(Ilp, UsesTheWindowsThatTheTokensPayFor) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const std::int64_t one_window = (1 + 35 * 5) * problem.window_length;

  EXPECT_EQ(drive("ilp", problem, 1, 3 * one_window + 5).tokens, 3 * one_window);
  EXPECT_EQ(drive("ilp", problem, 1, 1000 * one_window).tokens, 64 * one_window);
}

TEST(Ilp, MeasuresLessOrNothingWithoutTheTokens) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const Recipe without_data = search::local_recipe(problem.space, problem.budget_bytes);

  EXPECT_EQ(drive("ilp", problem, 1, 256).best(), without_data);
  for (const std::int64_t limit : {1, 256, 1000, 15000, 20000, 40000, 50000}) {
    const Outcome outcome = drive("ilp", problem, 1, limit);

    EXPECT_LE(outcome.tokens, limit);
    EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes) << limit;
  }
}

TEST(Ilp, AsksTheSameForEverySeed) {
  const SyntheticProblem problem = interacting_problem(8, 16, 3);

  EXPECT_EQ(drive("ilp", problem, 1).asked(), drive("ilp", problem, 2).asked());
}

}  // namespace
}  // namespace pare::test
