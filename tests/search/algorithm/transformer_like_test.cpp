// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cstdio>

#include "search/algorithm/contest.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

/// Mean KL on windows that no search has seen.
double held_out(const SyntheticProblem& problem, const search::Recipe& recipe) {
  return problem.mean_kl(recipe, 1000, 512);
}

/// Prints the table by which the search is judged, at equal tokens, and asserts its order.
TEST(TransformerLike, PareIsBestAtEqualTokens) {
  std::printf("%-6s %-5s %8s %8s %8s %8s %8s %8s %9s\n", "budget", "seed", "uniform", "local", "additive", "pare",
              "evopress", "random", "tokens");
  double log_ratio = 0;
  for (const std::uint64_t seed : {1, 2, 3, 4, 5, 6}) {
    const SyntheticProblem problem = transformer_like_problem(seed);
    const double uniform = held_out(problem, *problem.space.uniform("w3-g32"));

    const Outcome pare = drive("pare", problem, seed);
    const Outcome evopress = drive("evopress", problem, seed, pare.tokens);
    const Outcome random = drive("random", problem, seed, pare.tokens);

    const double found = held_out(problem, pare.best());
    const double additive = held_out(problem, pare.finalists[1].recipe);
    std::printf("%-6s %-5d %8.4f %8.4f %8.4f %8.4f %8.4f %8.4f %9ld\n", "w3", static_cast<int>(seed), uniform,
                held_out(problem, pare.finalists[2].recipe), additive, found, held_out(problem, evopress.best()),
                held_out(problem, random.best()), static_cast<long>(pare.tokens));
    EXPECT_LT(pare.tokens, 1000000);
    EXPECT_LE(found, 1.01 * additive);
    EXPECT_LE(additive, 1.01 * uniform);
    EXPECT_LE(found, held_out(problem, evopress.best()));
    EXPECT_LE(found, held_out(problem, random.best()));
    log_ratio += std::log(found / uniform) / 6;
  }
  std::printf("geometric mean of pare / uniform: %.3f\n", std::exp(log_ratio));
}

}  // namespace
}  // namespace pare::test
