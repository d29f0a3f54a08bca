// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "search/objective/archive.hpp"
#include "search/objective/objective.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

/// How good the best recipe within the budget is on the search windows, so far.
struct BestSoFar {
  double loss = 0;  ///< of the objective, over the windows
  std::int64_t windows = 0;
  std::int64_t bytes = 0;
  std::string uniform;      ///< the best uniform recipe that fits, empty when none does or none was measured
  double uniform_loss = 0;  ///< on the same windows
  Recipe recipe = {};
};

/// Follows the trials of a search, to tell people how far it has come. The space must outlive it.
class BestTracker {
 public:
  BestTracker(const SearchSpace& space, const Objective& objective, std::int64_t search_windows);

  /// Failed and held-out trials are passed over.
  void add(const Trial& trial);

  /// On as many windows as the comparison with the uniform recipe allows: recipes measured on fewer are still in the race,
  /// but not ahead of it. Nothing when none fits the budget.
  std::optional<BestSoFar> best(const Budget& budget) const;

 private:
  const SearchSpace& space_;
  Archive archive_;
};

/// ", 31.0 % below uniform w3-g32", of the loss; empty where there is no uniform recipe to compare with.
std::string against_uniform(const BestSoFar& best);

}  // namespace pare::search
