// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/lease.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

// Enough leases that workers finish together and a killed run loses little, few enough that prefixes stay shared.
constexpr std::int64_t leases_per_worker = 4;

/// Stages that a candidate adds to the trie after its predecessor in sorted order.
std::int64_t added_stages(const SearchSpace& space, const Recipe& previous, const Recipe& recipe, std::int64_t stages) {
  const auto [first, other] = std::mismatch(recipe.begin(), recipe.end(), previous.begin());
  if (first == recipe.end()) return 0;
  return stages - space.sites[static_cast<std::size_t>(first - recipe.begin())].stage;
}

}  // namespace

std::vector<Evaluate> make_leases(const SearchSpace& space, std::vector<Recipe> recipes, WindowSet set,
                                  std::int64_t begin, std::int64_t count, const LeaseSettings& settings) {
  EXPECT(!recipes.empty() && count > 0 && settings.workers > 0 && settings.stages > 0 && settings.max_windows > 0);
  std::sort(recipes.begin(), recipes.end());
  std::int64_t total = settings.stages;
  for (std::size_t r = 1; r < recipes.size(); ++r) {
    total += added_stages(space, recipes[r - 1], recipes[r], settings.stages);
  }
  total *= count;
  const std::int64_t target = std::max<std::int64_t>(
      settings.stages, total / (static_cast<std::int64_t>(settings.workers) * leases_per_worker));

  std::vector<Evaluate> leases;
  std::size_t first = 0;
  while (first < recipes.size()) {
    std::int64_t cost = settings.stages * count;
    std::size_t last = first + 1;
    while (last < recipes.size() && cost < target) {
      cost += added_stages(space, recipes[last - 1], recipes[last], settings.stages) * count;
      ++last;
    }
    const std::int64_t parts_for_work = last == first + 1 ? (cost + target - 1) / target : 1;
    const std::int64_t parts_for_memory = (count + settings.max_windows - 1) / settings.max_windows;
    const std::int64_t parts = std::min(count, std::max(parts_for_work, parts_for_memory));
    for (std::int64_t p = 0; p < parts; ++p) {
      const std::int64_t from = count * p / parts;
      leases.push_back({set,
                        begin + from,
                        count * (p + 1) / parts - from,
                        {recipes.begin() + static_cast<std::ptrdiff_t>(first),
                         recipes.begin() + static_cast<std::ptrdiff_t>(last)}});
    }
    first = last;
  }
  return leases;
}

}  // namespace pare::search
