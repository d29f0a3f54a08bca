// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>

#include "framework/data/text_mixture.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;

constexpr std::size_t sites = 8;

/// Prose depends on the first half of the sites and code on the second, three times as much: a mean leans towards code.
/// Each window has its own level of noise.
SyntheticProblem two_sided_problem() {
  SyntheticProblem problem;
  problem.space = small_space(sites, {2, 3, 4});
  for (search::SearchSite& site : problem.space.sites) {
    site.weights = 1024;
    for (std::size_t o = 0; o < site.options.size(); ++o) site.options[o].bytes = 256 + 128 * static_cast<int>(o);
  }
  problem.budget_bytes = sites * 384;
  problem.windows = 32;
  problem.kl = [](const Recipe& recipe, std::int64_t window) {
    const bool is_code = window % 2 == 1;
    double sum = is_code ? 0 : 0.5;
    for (std::size_t s = 0; s < sites / 2; ++s)
      sum += (is_code ? 0.3 : 0.1) * (2 - recipe[s + (is_code ? sites / 2 : 0)]);
    return sum * (1 + 0.2 * keyed_uniform(1, static_cast<std::uint64_t>(window)));
  };
  return problem;
}

search::SearchProblem worst_domain(const SyntheticProblem& synthetic) {
  search::SearchProblem problem = synthetic.problem(1, 400'000);
  problem.objective = {search::Metric::kl, search::Combine::worst, {{"prose", 1}, {"code", 1}}, {}, {0, 1}};
  problem.objective.search = framework::deal_windows(std::vector<double>{1, 1}, problem.windows);
  return problem;
}

double domain_mean(const SyntheticProblem& problem, const Recipe& recipe, std::int64_t domain) {
  double sum = 0;
  for (std::int64_t w = domain; w < problem.windows; w += 2) sum += problem.kl(recipe, w);
  return 2 * sum / static_cast<double>(problem.windows);
}

double worst(const SyntheticProblem& problem, const Recipe& recipe) {
  return std::max(domain_mean(problem, recipe, 0), domain_mean(problem, recipe, 1));
}

/// Of all recipes that fit.
double least_worst(const SyntheticProblem& problem) {
  double least = 1e9;
  Recipe recipe(sites, 0);
  while (true) {
    if (problem.space.bytes(recipe) <= problem.budget_bytes) least = std::min(least, worst(problem, recipe));
    std::size_t s = 0;
    while (s < sites && ++recipe[s] == 3) recipe[s++] = 0;
    if (s == sites) return least;
  }
}

}  // namespace

TEST(Domains, AlgorithmsLowerTheWorstDomain) {
  const SyntheticProblem synthetic = two_sided_problem();
  const double best = least_worst(synthetic);

  for (const char* name : {"pare", "greedy", "evopress"}) {
    const auto algorithm = search::make_algorithm(name, worst_domain(synthetic));
    const Recipe answer = drive(*algorithm, synthetic).best();

    EXPECT_LE(worst(synthetic, answer), 1.15 * best) << name;
  }
}

TEST(Domains, TheMeanIsAnotherGoal) {
  const SyntheticProblem synthetic = two_sided_problem();

  const Recipe mean = drive("pare", synthetic, 1, 400'000).best();
  const auto algorithm = search::make_algorithm("pare", worst_domain(synthetic));
  const Recipe balanced = drive(*algorithm, synthetic).best();

  EXPECT_LT(synthetic.mean_kl(mean), synthetic.mean_kl(balanced));
  EXPECT_LT(worst(synthetic, balanced), worst(synthetic, mean));
}

}  // namespace pare::test
