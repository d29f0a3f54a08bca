// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/contest.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/space/mixture.hpp"
#include "search/space/moves.hpp"

namespace pare::search {

namespace {

/// Of recipes ascending in bytes the last that fits and the first that does not.
std::vector<Finalist> around(const SearchSpace& space, const Budget& budget, std::vector<Finalist> ascending) {
  std::optional<Finalist> below;
  std::optional<Finalist> above;
  for (Finalist& finalist : ascending) {
    const bool fits = budget.fits(space, finalist.recipe);
    if (fits) below = std::move(finalist);
    if (!fits && !above) above = std::move(finalist);
  }
  std::vector<Finalist> contestants;
  if (below) contestants.push_back(std::move(*below));
  if (above) contestants.push_back(std::move(*above));
  return contestants;
}

}  // namespace

std::vector<Finalist> plain_contestants(const SearchSpace& space, const Budget& budget) {
  std::vector<Finalist> contestants = uniform_contestants(space, budget);
  std::vector<Finalist> mixtures;
  for (const std::string& name : expressible_mixtures(space)) mixtures.push_back({name, *mixture_recipe(space, name)});
  std::ranges::move(around(space, budget, std::move(mixtures)), std::back_inserter(contestants));
  return contestants;
}

std::vector<Finalist> uniform_contestants(const SearchSpace& space, const Budget& budget) {
  std::vector<Finalist> uniforms;
  for (const std::string& name : space.uniform_options()) uniforms.push_back({"uniform " + name, *space.uniform(name)});
  return around(space, budget, std::move(uniforms));
}

std::vector<Recipe> fitting_uniforms(const SearchSpace& space, const Budget& budget) {
  std::vector<Recipe> recipes;
  for (const std::string& name : space.uniform_options()) {
    Recipe recipe = *space.uniform(name);
    if (budget.fits(space, recipe)) recipes.push_back(std::move(recipe));
  }
  std::reverse(recipes.begin(), recipes.end());
  return recipes;
}

Scores local_scores(const SearchSpace& space) {
  Scores scores;
  for (const SearchSite& site : space.sites) {
    std::vector<double>& row = scores.emplace_back();
    for (const SiteOption& option : site.options) row.push_back(option.local_error);
  }
  return scores;
}

Recipe local_recipe(const SearchSpace& space, const Budget& budget) {
  EXPECT(budget.fits(space, budget.cheapest(space)), "no recipe fits ", budget.bytes, " bytes");
  if (const std::optional<Recipe> recipe = allocate(space, local_scores(space), budget)) {
    return spend(space, *recipe, budget);
  }
  return spend(space, budget.cheapest(space), budget);
}

}  // namespace pare::search
