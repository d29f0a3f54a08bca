// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "search/algorithm/integer_programme.hpp"
#include "search/algorithm/sensitivity.hpp"
#include "search/space/moves.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"
#include "tests/search/space/formed_space.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using search::Scores;
using search::SearchSpace;

constexpr double infinity = std::numeric_limits<double>::infinity();

/// KL by site and option, plus what each unit loses by its form: dropping the last one is almost free.
SyntheticProblem formed_problem(std::int64_t windows) {
  SyntheticProblem problem;
  problem.space = formed_space(3, 2);
  problem.windows = windows;
  problem.budget_bytes = problem.space.bytes(*problem.space.uniform("w2")) * 5 / 4;
  problem.kl = [space = problem.space](const Recipe& recipe, std::int64_t window) {
    double sum = 0.01 * keyed_uniform(1, static_cast<std::uint64_t>(window));
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      const search::SiteOption& option = space.sites[s].options[recipe[s]];
      const double share = option.name.ends_with("w2") ? 0.3 : option.name.ends_with("w3") ? 0.08 : 0.02;
      if (option.form != "drop") sum += share * (1 + static_cast<double>(s % 2));
      const bool cheap = space.sites[s].stage == 2;
      if (option.form == "half") sum += cheap ? 0.02 : 0.4;
      if (option.form == "drop") sum += cheap ? 0.03 : 2.0;
    }
    return sum;
  };
  return problem;
}

/// Every settled recipe.
std::vector<Recipe> all_recipes(const SearchSpace& space) {
  std::vector<Recipe> recipes;
  Recipe recipe(space.sites.size(), 0);
  for (bool counting = true; counting;) {
    if (space.is_settled(recipe)) recipes.push_back(recipe);
    counting = false;
    for (std::size_t s = 0; s < recipe.size() && !counting; ++s) {
      counting = ++recipe[s] < space.sites[s].options.size();
      if (!counting) recipe[s] = 0;
    }
  }
  return recipes;
}

TEST(FormedProgramme, EqualsExhaustiveSearch) {
  const SearchSpace space = formed_space(2, 2);
  const std::vector<Recipe> recipes = all_recipes(space);
  ASSERT_EQ(recipes.size(), 14U * 14U * 2U);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Scores scores;
    for (std::size_t s = 0; s < space.sites.size(); ++s) {
      scores.emplace_back();
      for (std::size_t o = 0; o < space.sites[s].options.size(); ++o)
        scores.back().push_back(o == seed % 7 ? infinity : keyed_normal(seed, s, o));
    }
    const std::int64_t budget = space.smallest_bytes() + static_cast<std::int64_t>(seed) * 97;
    for (const std::size_t most : {std::size_t{1}, std::size_t{3}, std::size_t{9}}) {
      const search::TrustRegion region{space.smallest_recipe(), most};
      double least = infinity;
      for (const Recipe& recipe : recipes) {
        if (space.bytes(recipe) > budget || search::changes(recipe, region.reference) > most) continue;
        least = std::min(least, search::total_score(scores, recipe));
      }

      const auto found = search::allocate(space, scores, budget, region);

      ASSERT_EQ(found.has_value(), std::isfinite(least)) << seed << " " << most;
      if (!found) continue;
      EXPECT_TRUE(space.is_settled(*found));
      EXPECT_LE(space.bytes(*found), budget);
      EXPECT_NEAR(search::total_score(scores, *found), least, 1e-12);
    }
  }
}

TEST(FormedSensitivity, ChangesOneSiteOrTheFormOfOneUnit) {
  const SearchSpace space = formed_space(1, 2);

  EXPECT_THAT(search::single_swaps(space, {4, 4, 0}, search::SwapChoice::neighbours),
              testing::ElementsAre(Recipe{0, 0, 0}, Recipe{2, 2, 0}, Recipe{3, 4, 0}, Recipe{5, 4, 0}, Recipe{4, 3, 0},
                                   Recipe{4, 5, 0}, Recipe{4, 4, 1}));
}

TEST(FormedSensitivity, DealsTheLossOfAFormOverItsSites) {
  const SearchSpace space = formed_space(1, 2);
  const Recipe point{4, 4, 0};
  search::Archive archive(2);
  const auto tell = [&](const Recipe& recipe, double kl) {
    archive.add({0, {recipe, search::WindowSet::search, 0, 2}, {kl, kl}, {kl, kl}});
  };
  tell(point, 1.0);
  tell({3, 4, 0}, 1.22);  // local error 0.08 -> 0.3
  tell({2, 2, 0}, 1.5);

  const search::Sensitivities table = search::tabulate(space, archive, point, nullptr);

  EXPECT_NEAR(table.score[0][2], 0.25, 1e-12);
  EXPECT_NEAR(table.score[1][2], 0.25, 1e-12);
  EXPECT_NEAR(table.score[0][1], 0.25 + 0.15, 1e-12);  // a nat for each unit of local error, 0.45 -> 0.6
  EXPECT_EQ(table.score[1][1], infinity);              // nothing is known of this site's own options
  EXPECT_EQ(table.score[0][0], infinity);              // the drop was not measured
  EXPECT_EQ(table.score[0][4], 0.0);
}

TEST(FormedSearch, AsksForSettledRecipesOnly) {
  const SyntheticProblem problem = formed_problem(8);
  for (const std::string& name : search::algorithm_names()) {
    if (name == "exhaustive") continue;  // too many
    const Outcome outcome = drive(name, problem, 1, 200'000);
    EXPECT_FALSE(outcome.requests().empty()) << name;
    for (const search::EvaluationRequest& request : outcome.requests())
      ASSERT_TRUE(problem.space.is_settled(request.recipe)) << name;
    for (const search::Finalist& finalist : outcome.finalists) {
      EXPECT_TRUE(problem.space.is_settled(finalist.recipe)) << name;
      EXPECT_LE(problem.space.bytes(finalist.recipe), problem.budget_bytes) << name;
    }
  }
}

TEST(FormedSearch, DropsWhatIsAlmostFreeAndSpendsTheBytesElsewhere) {
  const SyntheticProblem problem = formed_problem(16);
  const Recipe best = drive("pare", problem).best();

  EXPECT_EQ(problem.space.sites[4].options[best[4]].form, "drop");
  EXPECT_EQ(problem.space.sites[0].options[best[0]].form, "");
  double least = infinity;
  for (const Recipe& recipe : all_recipes(problem.space)) {
    if (problem.space.bytes(recipe) <= problem.budget_bytes) least = std::min(least, problem.mean_kl(recipe));
  }
  EXPECT_NEAR(problem.mean_kl(best), least, 1e-9);
}

TEST(FormedSearch, TriesEverySettledRecipeWhereThereAreFew) {
  SyntheticProblem problem = formed_problem(2);
  problem.space = formed_space(1, 3);
  problem.budget_bytes = problem.space.largest_bytes();

  EXPECT_EQ(drive("exhaustive", problem).requests().size(), 2U * (1 + 8 + 27));
}

TEST(FormedSearch, EndsWhereOnlyAFormFits) {
  SyntheticProblem problem = formed_problem(8);
  problem.budget_bytes = problem.space.smallest_bytes() + 10;
  for (const std::string& name : search::algorithm_names()) {
    if (name == "exhaustive") continue;
    EXPECT_EQ(drive(name, problem, 1, 100'000).best(), problem.space.smallest_recipe()) << name;
  }
}

}  // namespace
}  // namespace pare::test
