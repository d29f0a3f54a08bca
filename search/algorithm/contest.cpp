// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/contest.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"
#include "search/space/moves.hpp"

namespace pare::search {

std::vector<Finalist> uniform_contestants(const SearchSpace& space, std::int64_t budget_bytes) {
  std::optional<Finalist> below;
  std::optional<Finalist> above;
  for (const std::string& name : space.uniform_options()) {
    Finalist finalist{"uniform " + name, *space.uniform(name)};
    const bool fits = space.bytes(finalist.recipe) <= budget_bytes;
    if (fits) below = std::move(finalist);
    if (!fits && !above) above = std::move(finalist);
  }
  std::vector<Finalist> contestants;
  if (below) contestants.push_back(std::move(*below));
  if (above) contestants.push_back(std::move(*above));
  return contestants;
}

std::vector<Recipe> fitting_uniforms(const SearchSpace& space, std::int64_t budget_bytes) {
  std::vector<Recipe> recipes;
  for (const std::string& name : space.uniform_options()) {
    Recipe recipe = *space.uniform(name);
    if (space.bytes(recipe) <= budget_bytes) recipes.push_back(std::move(recipe));
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

Recipe local_recipe(const SearchSpace& space, std::int64_t budget_bytes) {
  EXPECT(space.smallest_bytes() <= budget_bytes, "no recipe fits ", budget_bytes, " bytes");
  if (const std::optional<Recipe> recipe = allocate(space, local_scores(space), budget_bytes)) {
    return spend(space, *recipe, budget_bytes);
  }
  return spend(space, space.smallest_recipe(), budget_bytes);
}

}  // namespace pare::search
