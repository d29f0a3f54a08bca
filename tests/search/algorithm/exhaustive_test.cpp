// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/exhaustive.hpp"

#include <gmock/gmock.h>

#include <set>

#include "kernels/core/error.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;

std::string refusal(const SyntheticProblem& problem, std::int64_t token_limit = 0) {
  try {
    search::Exhaustive exhaustive(problem.problem(1, token_limit));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Exhaustive, TriesEveryRecipeThatFitsOnce) {
  const SyntheticProblem problem = additive_problem(4, 2, 1);
  std::set<Recipe> seen;

  const Outcome outcome = drive("exhaustive", problem);

  for (const search::EvaluationRequest& request : outcome.requests()) {
    EXPECT_LE(problem.space.bytes(request.recipe), problem.budget_bytes);
    EXPECT_TRUE(seen.insert(request.recipe).second);
    EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(request.recipe));
  }
  std::size_t fitting = 0;
  for (int code = 0; code < 256; ++code) {
    const Recipe recipe{static_cast<std::uint8_t>(code % 4), static_cast<std::uint8_t>(code / 4 % 4),
                        static_cast<std::uint8_t>(code / 16 % 4), static_cast<std::uint8_t>(code / 64)};
    fitting += problem.space.bytes(recipe) <= problem.budget_bytes ? 1 : 0;
  }
  EXPECT_EQ(seen.size(), fitting);
}

TEST(Exhaustive, RefusesWhatItCannotFinish) {
  EXPECT_EQ(refusal(additive_problem(20, 2, 1)),
            "exhaustive: a space of 10^12.0412 recipes (at most 10^6 can be tried), use pare instead");
  EXPECT_THAT(refusal(additive_problem(4, 2, 1), 256),
              testing::MatchesRegex("exhaustive: a limit of 256 tokens \\(one window of each of [0-9]+ recipes takes "
                                    "[0-9]+ tokens\\), raise it or use pare instead"));
}

TEST(Exhaustive, UsesTheWindowsThatTheTokensPayFor) {
  const SyntheticProblem problem = additive_problem(4, 8, 1);
  const std::int64_t recipes = static_cast<std::int64_t>(drive("exhaustive", problem).requests().size());

  const Outcome outcome = drive("exhaustive", problem, 1, 3 * 256 * recipes + 5);

  EXPECT_EQ(outcome.tokens, 3 * 256 * recipes);
}

}  // namespace
}  // namespace pare::test
