// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/row_programme.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "kernels/core/error.hpp"
#include "search/algorithm/feasibility.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/space/moves.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Budget;
using search::DecisionRandom;
using search::Recipe;
using search::SearchSpace;

/// Costs that have nothing to do with bytes: small options may be slow.
SearchSpace measured_space(std::size_t sites, std::size_t measures, std::uint64_t seed) {
  SearchSpace space = small_space(sites, {2, 3, 4, 8}, seed);
  DecisionRandom random(seed, 9);
  for (std::size_t m = 0; m < measures; ++m) {
    space.measures.push_back(m == 0 ? search::Measure{"decode_seconds", "ps"} : search::Measure{"kv_bytes", "bytes"});
  }
  for (search::SearchSite& site : space.sites) {
    for (search::SiteOption& option : site.options) {
      for (std::size_t m = 0; m < measures; ++m) option.costs.push_back(100 + random.below(1000));
    }
  }
  return space;
}

template <class Visit>
void for_each_recipe(const SearchSpace& space, const Visit& visit) {
  Recipe recipe(space.sites.size(), 0);
  for (bool counting = true; counting;) {
    visit(recipe);
    counting = false;
    for (std::size_t s = 0; s < recipe.size() && !counting; ++s) {
      counting = ++recipe[s] < space.sites[s].options.size();
      if (!counting) recipe[s] = 0;
    }
  }
}

search::Scores random_scores(const SearchSpace& space, std::uint64_t seed) {
  DecisionRandom random(seed, 3);
  search::Scores scores;
  for (const search::SearchSite& site : space.sites) {
    std::vector<double>& row = scores.emplace_back();
    for (std::size_t o = 0; o < site.options.size(); ++o) row.push_back(random.normal());
  }
  return scores;
}

/// Between what some random recipe has of each row and the most there is: hard, but possible.
Budget tight_budget(const SearchSpace& space, std::uint64_t seed) {
  DecisionRandom random(seed, 4);
  Recipe recipe;
  for (const search::SearchSite& site : space.sites) {
    recipe.push_back(static_cast<std::uint8_t>(random.below(static_cast<std::uint32_t>(site.options.size()))));
  }
  Budget budget(space.bytes(recipe));
  for (std::size_t m = 0; m < space.measures.size(); ++m) budget.limits.push_back(space.cost(m, recipe) + 50);
  return budget;
}

std::string refusal(const SearchSpace& space, const Budget& budget) {
  try {
    search::with_fitting_recipe(space, budget);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

class RowProgramme : public testing::TestWithParam<std::size_t> {};

TEST_P(RowProgramme, EqualsExhaustiveSearch) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SearchSpace space = measured_space(6, GetParam(), seed);
    const Budget budget = search::with_fitting_recipe(space, tight_budget(space, seed));
    const search::Scores scores = random_scores(space, seed);
    double least = std::numeric_limits<double>::infinity();
    for_each_recipe(space, [&](const Recipe& recipe) {
      if (budget.fits(space, recipe)) least = std::min(least, search::total_score(scores, recipe));
    });

    const std::optional<Recipe> recipe = search::allocate_rows(space, scores, budget);

    ASSERT_TRUE(recipe.has_value()) << seed;
    EXPECT_TRUE(budget.fits(space, *recipe)) << seed;
    EXPECT_NEAR(search::total_score(scores, *recipe), least, 1e-9) << seed;
  }
}

TEST_P(RowProgramme, KeepsTheTrustRegionToo) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SearchSpace space = measured_space(6, GetParam(), seed);
    const Budget budget = search::with_fitting_recipe(space, tight_budget(space, seed));
    const search::Scores scores = random_scores(space, seed);
    const search::TrustRegion region{budget.fitting, 2};
    double least = std::numeric_limits<double>::infinity();
    for_each_recipe(space, [&](const Recipe& recipe) {
      if (budget.fits(space, recipe) && search::changes(recipe, region.reference) <= 2)
        least = std::min(least, search::total_score(scores, recipe));
    });

    const std::optional<Recipe> recipe = search::allocate_rows(space, scores, budget, region);

    ASSERT_TRUE(recipe.has_value()) << seed;
    EXPECT_TRUE(budget.fits(space, *recipe)) << seed;
    EXPECT_LE(search::changes(*recipe, region.reference), 2U) << seed;
    EXPECT_NEAR(search::total_score(scores, *recipe), least, 1e-9) << seed;
  }
}

TEST_P(RowProgramme, MovesKeepAllRows) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const SearchSpace space = measured_space(12, GetParam(), seed);
    const Budget budget = search::with_fitting_recipe(space, tight_budget(space, seed));
    DecisionRandom random(seed, 5);
    const Recipe a = search::random_recipe(space, budget, random), b = search::random_recipe(space, budget, random);

    for (const auto& recipe :
         {std::optional(a), std::optional(search::spend(space, budget.fitting, budget)),
          search::cross(space, a, b, budget, random), search::raise_kind(space, a, budget, "q_proj", random),
          search::repair(space, space.largest_recipe(), budget)}) {
      if (recipe) {
        EXPECT_TRUE(budget.fits(space, *recipe)) << seed;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(TwoAndThreeRows, RowProgramme, testing::Values(1, 2));

TEST(RowProgrammeAlgorithms, AnswersFitEveryRow) {
  SyntheticProblem problem = additive_problem(6, 16, 1, 0.1);
  const SearchSpace measured = measured_space(6, 2, 1);
  problem.space.measures = measured.measures;
  for (std::size_t s = 0; s < 6; ++s) {
    for (std::size_t o = 0; o < problem.space.sites[s].options.size(); ++o) {
      problem.space.sites[s].options[o].costs = measured.sites[s].options[o].costs;
    }
  }
  search::SearchProblem asked = problem.problem(1, 400'000);
  asked.budget = search::with_fitting_recipe(problem.space, tight_budget(problem.space, 2));

  for (const std::string& name : search::algorithm_names()) {
    const auto algorithm = search::make_algorithm(name, asked);
    const Outcome outcome = drive(*algorithm, problem);

    EXPECT_TRUE(asked.budget.fits(problem.space, outcome.best())) << name;
  }
}

TEST(Feasibility, FindsWhatTheSmallestRecipeIsNot) {
  SearchSpace space = measured_space(4, 1, 1);
  for (search::SearchSite& site : space.sites) {
    for (search::SiteOption& option : site.options) option.costs = {1'000'000 - option.bytes};
  }
  Budget budget(space.bytes(*space.uniform("w4-g32")));
  budget.limits = {space.cost(0, *space.uniform("w4-g32"))};

  const Budget found = search::with_fitting_recipe(space, budget);

  EXPECT_FALSE(budget.fits(space, space.smallest_recipe()));
  EXPECT_TRUE(found.fits(space, found.fitting));
}

TEST(Feasibility, SaysTheSmallestPossibleOfOneRow) {
  SearchSpace space = measured_space(2, 1, 1);
  for (search::SearchSite& site : space.sites) {
    for (search::SiteOption& option : site.options) option.costs = {2'000'000'000};
  }
  Budget budget(space.largest_bytes());
  budget.limits = {3'000'000'000};

  EXPECT_EQ(refusal(space, budget), "budget decode_seconds: 0.003 (no recipe fits), the smallest possible is 0.004 s");
}

TEST(Feasibility, SaysWhichTwoRowsCannotHoldTogether) {
  SearchSpace space = measured_space(2, 1, 1);
  for (search::SearchSite& site : space.sites) {
    site.options = {{"w2", 100, 0.1, "", {3'000'000'000}}, {"w4", 200, 0.05, "", {1'000'000'000}}};
    site.weights = 400;
  }
  Budget budget(250);
  budget.limits = {3'000'000'000};

  EXPECT_EQ(
      refusal(space, budget),
      "budget: decode_seconds: 0.003 and bytes: 250 cannot hold together: within 250 bytes (2.5 bits a weight) the "
      "smallest decode_seconds possible are 0.006 s, 0.003 s too much; within 0.003 s the smallest bytes possible "
      "are 400 bytes (4 bits a weight), 150 bytes (1.5 bits a weight) too much");
}

}  // namespace
}  // namespace pare::test
