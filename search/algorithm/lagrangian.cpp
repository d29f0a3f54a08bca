// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/lagrangian.hpp"

#include <algorithm>
#include <limits>

namespace pare::search {
namespace {

struct Relaxed {
  double bound;
  std::int64_t bytes;
};

Relaxed relax(const Knapsack& knapsack, const Multipliers& price) {
  Relaxed sum{
      -price.byte * static_cast<double>(knapsack.budget) - price.change * static_cast<double>(knapsack.max_changes), 0};
  for (const std::vector<KnapsackItem>& site : knapsack.sites) {
    double least = std::numeric_limits<double>::infinity();
    std::int64_t bytes = 0;
    for (const KnapsackItem& item : site) {
      const double reduced = reduced_score(item, price);
      if (reduced > least || (reduced == least && item.bytes >= bytes)) continue;
      least = reduced;
      bytes = item.bytes;
    }
    sum.bound += least;
    sum.bytes += bytes;
  }
  return sum;
}

/// A price of a byte above which every site takes its fewest bytes.
double highest_byte_price(const Knapsack& knapsack) {
  double highest = 0;
  for (const std::vector<KnapsackItem>& site : knapsack.sites) {
    double worst = 0;
    std::int64_t step = std::numeric_limits<std::int64_t>::max();
    for (const KnapsackItem& a : site) {
      worst = std::max(worst, a.score);
      for (const KnapsackItem& b : site) {
        if (a.bytes > b.bytes) step = std::min(step, a.bytes - b.bytes);
      }
    }
    highest = std::max(highest, worst / static_cast<double>(step));
  }
  return highest;
}

/// The best price of a byte for a price of a change.
Multipliers with_byte_price(const Knapsack& knapsack, double change, double highest) {
  Multipliers low{0, change};
  if (relax(knapsack, low).bytes <= knapsack.budget) return low;
  Multipliers high{highest + change, change};
  for (int step = 0; step < 64; ++step) {
    const Multipliers middle{(low.byte + high.byte) / 2, change};
    (relax(knapsack, middle).bytes <= knapsack.budget ? high : low) = middle;
  }
  return lagrangian_bound(knapsack, low) > lagrangian_bound(knapsack, high) ? low : high;
}

}  // namespace

double lagrangian_bound(const Knapsack& knapsack, const Multipliers& price) {
  return relax(knapsack, price).bound;
}

Multipliers best_multipliers(const Knapsack& knapsack) {
  const double highest = highest_byte_price(knapsack);
  const auto at = [&](double change) { return with_byte_price(knapsack, change, highest); };
  if (knapsack.max_changes >= static_cast<std::int64_t>(knapsack.sites.size())) return at(0);
  double left = 0;
  double right = 0;
  for (const std::vector<KnapsackItem>& site : knapsack.sites) {
    for (const KnapsackItem& item : site) {
      right = std::max(right, item.score + highest * static_cast<double>(item.bytes));
    }
  }
  constexpr double golden = 0.6180339887498949;
  double inner_left = right - golden * right;
  double inner_right = golden * right;
  double value_left = lagrangian_bound(knapsack, at(inner_left));
  double value_right = lagrangian_bound(knapsack, at(inner_right));
  for (int step = 0; step < 60; ++step) {
    if (value_left >= value_right) {
      right = inner_right;
      inner_right = inner_left;
      value_right = value_left;
      inner_left = right - golden * (right - left);
      value_left = lagrangian_bound(knapsack, at(inner_left));
    } else {
      left = inner_left;
      inner_left = inner_right;
      value_left = value_right;
      inner_right = left + golden * (right - left);
      value_right = lagrangian_bound(knapsack, at(inner_right));
    }
  }
  const Multipliers found = at((left + right) / 2);
  const Multipliers without = at(0);
  return lagrangian_bound(knapsack, without) > lagrangian_bound(knapsack, found) ? without : found;
}

}  // namespace pare::search
