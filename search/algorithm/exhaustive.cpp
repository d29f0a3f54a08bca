// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/exhaustive.hpp"

#include <algorithm>
#include <limits>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

std::vector<Recipe> all_fitting(const SearchSpace& space, const Budget& budget) {
  VALIDATE(space.log10_size() <= 6 + 1e-9, "exhaustive: a space of 10^", space.log10_size(),
           " recipes (at most 10^6 can be tried), use pare instead");
  std::vector<Recipe> recipes;
  Recipe recipe(space.sites.size(), 0);
  for (std::size_t s = 0; s < recipe.size();) {  // counts up, the first site fastest
    if (s == 0 && budget.fits(space, recipe) && space.is_settled(recipe)) recipes.push_back(recipe);
    for (s = 0; s < recipe.size(); ++s) {
      if (++recipe[s] < space.sites[s].options.size()) break;
      recipe[s] = 0;
    }
    if (s < recipe.size()) s = 0;
  }
  return recipes;
}

}  // namespace

Exhaustive::Exhaustive(const SearchProblem& problem)
    : ProceduralAlgorithm(problem, std::numeric_limits<std::int64_t>::max()),
      recipes_(all_fitting(*problem.space, problem.budget)) {
  const auto count = static_cast<std::int64_t>(recipes_.size());
  windows_ = std::min(problem.windows, token_limit() / problem.window_length / count);
  VALIDATE(windows_ > 0, "exhaustive: a limit of ", token_limit(), " tokens (one window of each of ", count,
           " recipes takes ", count * problem.window_length, " tokens), raise it or use pare instead");
}

Procedure Exhaustive::run() {
  constexpr std::size_t batch_size = 4096;
  for (std::size_t begin = 0; begin < recipes_.size(); begin = measured_) {
    measured_ = std::min(begin + batch_size, recipes_.size());
    std::vector<Recipe> batch(recipes_.begin() + static_cast<std::ptrdiff_t>(begin),
                              recipes_.begin() + static_cast<std::ptrdiff_t>(measured_));
    co_await measure(batch, 0, windows_);
    for (std::size_t i = begin; i < measured_; ++i) {
      if (archive().mean(recipes_[i], 0, windows_).mean < archive().mean(recipes_[best_], 0, windows_).mean) best_ = i;
    }
  }
}

std::vector<Finalist> Exhaustive::finalists() const {
  return {{"exhaustive", recipes_[best_]}};
}

std::string Exhaustive::status() const {
  return "exhaustive: " + std::to_string(measured_) + " of " + std::to_string(recipes_.size()) + " recipes";
}

}  // namespace pare::search
