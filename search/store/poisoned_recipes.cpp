// SPDX-License-Identifier: Apache-2.0
#include "search/store/poisoned_recipes.hpp"

#include <limits>
#include <vector>

namespace pare::search {

void PoisonedRecipes::add(const Poisoned& poisoned) {
  const auto [known, is_new] = recipes_.try_emplace(poisoned.recipe, poisoned);
  if (!is_new && poisoned.trial < known->second.trial) known->second = poisoned;
}

bool PoisonedRecipes::has(const Recipe& recipe, std::int64_t trial) const {
  const auto found = recipes_.find(recipe);
  return found != recipes_.end() && trial >= found->second.trial;
}

std::optional<Trial> PoisonedRecipes::failed_trial(const EvaluationRequest& request, std::int64_t trial) const {
  if (!has(request.recipe, trial)) return std::nullopt;
  const std::vector<double> lost(static_cast<std::size_t>(request.count), std::numeric_limits<double>::infinity());
  return Trial{.id = trial, .request = request, .kl = lost, .nll = lost, .failure = recipes_.at(request.recipe).text};
}

}  // namespace pare::search
