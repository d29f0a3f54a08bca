// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "search/space/recipe.hpp"

namespace pare::search {

/// scores[site][option], the smaller the better; infinity forbids an option.
using Scores = std::vector<std::vector<double>>;

/// Sum of the scores of a recipe.
inline double total_score(const Scores& scores, const Recipe& recipe) {
  double sum = 0;
  for (std::size_t s = 0; s < recipe.size(); ++s) sum += scores[s][recipe[s]];
  return sum;
}

/// At most that many sites may differ from the reference.
struct TrustRegion {
  Recipe reference;
  std::size_t max_changes = 0;
};

}  // namespace pare::search
