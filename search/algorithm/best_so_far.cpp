// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/best_so_far.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "search/algorithm/contest.hpp"

namespace pare::search {

BestTracker::BestTracker(const SearchSpace& space, const Objective& objective, std::int64_t search_windows)
    : space_(space), archive_(search_windows, WindowLoss(objective, WindowSet::search)) {}

void BestTracker::add(const Trial& trial) {
  if (trial.request.set == WindowSet::search && !trial.failed()) archive_.add(trial);
}

std::optional<BestSoFar> BestTracker::best(const Budget& budget) const {
  const auto fits = [&](const Recipe& recipe) { return budget.fits(space_, recipe); };
  std::optional<Finalist> uniform;
  for (const Finalist& contestant : uniform_contestants(space_, budget))
    if (fits(contestant.recipe) && archive_.known_from_start(contestant.recipe) > 0) uniform = contestant;
  BestSoFar best;
  if (uniform) {
    best.windows = archive_.known_from_start(uniform->recipe);
    best.uniform = uniform->name;
    best.uniform_loss = archive_.mean(uniform->recipe, 0, best.windows).mean;
  } else {
    for (std::size_t i = 0; i < archive_.size(); ++i)
      if (fits(archive_.recipe(i)))
        best.windows = std::max(best.windows, archive_.known_from_start(archive_.recipe(i)));
  }
  if (best.windows == 0) return std::nullopt;
  const std::vector<Recipe> recipes = archive_.best(1, 0, best.windows, fits);
  if (recipes.empty()) return std::nullopt;
  best.recipe = recipes.front();
  best.loss = archive_.mean(recipes.front(), 0, best.windows).mean;
  best.bytes = space_.bytes(recipes.front());
  return best;
}

std::string against_uniform(const BestSoFar& best) {
  if (best.uniform.empty() || !(best.uniform_loss > 0)) return {};
  const double percent = 100 * (1 - best.loss / best.uniform_loss);
  if (std::abs(percent) < 0.05) return fmt::format(", no better than {}", best.uniform);
  return fmt::format(", {:.1f} % {} {}", std::abs(percent), percent > 0 ? "below" : "above", best.uniform);
}

}  // namespace pare::search
