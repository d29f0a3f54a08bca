// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace pare::search {

/// One choice at a site, or at sites that must agree on a form, measured from the least of its choices.
struct KnapsackItem {
  std::uint32_t choice = 0;  ///< an option of the site, or whatever the maker of the knapsack counts
  double score = 0;
  std::int64_t bytes = 0;
  int changes = 0;  ///< 1 when it is not the reference's option
};

/// A multiple-choice knapsack with two rows: one item a site, bytes <= budget, changes <= max_changes.
struct Knapsack {
  std::vector<std::vector<KnapsackItem>> sites;
  std::int64_t budget = 0;
  std::int64_t max_changes = 0;
};

/// Prices of a byte and of a change.
struct Multipliers {
  double byte = 0;
  double change = 0;
};

inline double reduced_score(const KnapsackItem& item, const Multipliers& price) {
  return item.score + price.byte * static_cast<double>(item.bytes) + price.change * item.changes;
}

/// The least sum of reduced scores minus the price of the rows: a lower bound for every recipe that fits.
double lagrangian_bound(const Knapsack& knapsack, const Multipliers& price);

/// Multipliers that make the bound (nearly) as large as it can be: the concave dual, by golden section over
/// the price of a change and, for each, bisection over the price of a byte. O(5000 x items).
Multipliers best_multipliers(const Knapsack& knapsack);

}  // namespace pare::search
