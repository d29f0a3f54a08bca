// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/nsga2.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using testing::ElementsAre;

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
