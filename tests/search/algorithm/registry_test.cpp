// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "kernels/core/error.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

std::string refusal(const std::string& name, const search::SearchProblem& problem) {
  try {
    search::make_algorithm(name, problem);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Registry, ListsItsNamesInOrder) {
  EXPECT_THAT(search::algorithm_names(), testing::ElementsAre("evopress", "evopress-bytes", "exhaustive", "greedy",
                                                              "ilp", "nsga2", "pare", "random", "tpe"));
}

TEST(Registry, EveryAlgorithmStartsWithAnAnswerThatFits) {
  const SyntheticProblem problem = additive_problem(4, 2, 1);
  for (const std::string& name : search::algorithm_names()) {
    const auto algorithm = search::make_algorithm(name, problem.problem());

    ASSERT_FALSE(algorithm->finalists().empty()) << name;
    EXPECT_LE(problem.space.bytes(algorithm->finalists().front().recipe), problem.budget_bytes) << name;
    EXPECT_THAT(algorithm->status(), testing::StartsWith(name));
  }
}

TEST(Registry, EveryAlgorithmEndsWhereThereIsNothingToChoose) {
  SyntheticProblem problem = additive_problem(4, 8, 1);
  for (search::SearchSite& site : problem.space.sites) site.options.resize(1);
  problem.budget_bytes = problem.space.largest_bytes();
  for (const std::string& name : search::algorithm_names()) {
    const Outcome outcome = drive(name, problem, 1, 100'000);

    EXPECT_EQ(outcome.best(), search::Recipe(4, 0)) << name;
  }
}

TEST(Registry, NamesTheNearestAlgorithm) {
  const SyntheticProblem problem = additive_problem(4, 2, 1);

  EXPECT_EQ(refusal("evopres", problem.problem()),
            "unknown algorithm 'evopres', did you mean 'evopress'? (known: evopress, evopress-bytes, exhaustive, "
            "greedy, ilp, "
            "nsga2, pare, random, tpe)");
}

TEST(Registry, RefusesProblemsWithoutAnAnswer) {
  SyntheticProblem problem = additive_problem(2, 2, 1);
  problem.budget_bytes = problem.space.smallest_bytes() - 1;
  const SyntheticProblem empty{{}, 10, 2, 256, {}};

  EXPECT_THAT(refusal("pare", problem.problem()), testing::HasSubstr("(no recipe fits), the smallest possible is"));
  EXPECT_EQ(refusal("pare", empty.problem()),
            "nothing to search (the space has no sites), check which layers are excluded");
}

}  // namespace
}  // namespace pare::test
