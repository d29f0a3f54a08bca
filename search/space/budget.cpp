// SPDX-License-Identifier: Apache-2.0
#include "search/space/budget.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"

namespace pare::search {

bool Budget::has_more_rows() const {
  return std::ranges::any_of(limits, [](std::int64_t limit) { return limit != unlimited; });
}

bool Budget::fits(const SearchSpace& space, const Recipe& recipe) const {
  EXPECT(limits.empty() || limits.size() == space.measures.size(), limits.size(), " limits on ", space.measures.size(),
         " measures");
  if (space.bytes(recipe) > bytes) return false;
  for (std::size_t m = 0; m < limits.size(); ++m) {
    if (limits[m] != unlimited && space.cost(m, recipe) > limits[m]) return false;
  }
  return true;
}

Recipe Budget::cheapest(const SearchSpace& space) const {
  return fitting.empty() ? space.smallest_recipe() : fitting;
}

Budget Budget::with_bytes(std::int64_t most_bytes) const {
  Budget other = *this;
  other.bytes = most_bytes;
  return other;
}

}  // namespace pare::search
