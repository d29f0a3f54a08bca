// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/lease_pool.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

/// Stages that each recipe adds to the trie after its predecessor.
std::vector<double> added_stages(const SearchSpace& space, std::int64_t stages, const std::vector<Recipe>& recipes) {
  std::vector<double> added;
  for (std::size_t r = 0; r < recipes.size(); ++r) {
    std::int64_t shared = 0;
    if (r > 0) {
      const auto [first, other] = std::mismatch(recipes[r].begin(), recipes[r].end(), recipes[r - 1].begin());
      const auto site = static_cast<std::size_t>(first - recipes[r].begin());
      shared = site < space.sites.size() ? space.sites[site].stage : stages;
    }
    added.push_back(static_cast<double>(stages - shared));
  }
  return added;
}

template <class T>
std::vector<T> move_out(std::vector<T>& from, std::size_t begin, std::size_t end) {
  const auto first = from.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto last = from.begin() + static_cast<std::ptrdiff_t>(end);
  std::vector<T> out(std::make_move_iterator(first), std::make_move_iterator(last));
  from.erase(first, last);
  return out;
}

}  // namespace

double lease_cost(const SearchSpace& space, const LeaseSettings& settings, const Evaluate& lease) {
  const std::vector<double> added = added_stages(space, settings.stages, lease.recipes);
  return std::accumulate(added.begin(), added.end(), 0.0) * static_cast<double>(lease.count);
}

LeasePool::LeasePool(const SearchSpace& space, const LeaseSettings& settings, std::vector<Evaluate> work)
    : space_(space), settings_(settings) {
  EXPECT(settings.stages > 0 && settings.max_windows > 0);
  for (Evaluate& each : work) {
    if (each.recipes.empty() || each.count == 0) continue;
    std::ranges::sort(each.recipes);
    const std::int64_t parts = (each.count + settings.max_windows - 1) / settings.max_windows;
    for (std::int64_t p = 0; p < parts; ++p) {
      const std::int64_t from = each.count * p / parts;
      const std::int64_t to = each.count * (p + 1) / parts;
      regions_.push_back(make_region(std::nullopt, {each.set, each.begin + from, to - from, each.recipes}));
    }
  }
}

LeasePool::Region LeasePool::make_region(std::optional<std::size_t> owner, Evaluate work) const {
  Region region{.owner = owner, .work = std::move(work), .added = {}, .cost = 0};
  region.added = added_stages(space_, settings_.stages, region.work.recipes);
  region.cost = std::accumulate(region.added.begin(), region.added.end(), 0.0) * static_cast<double>(region.work.count);
  return region;
}

double LeasePool::cost() const {
  double sum = 0;
  for (const Region& region : regions_) sum += region.cost;
  return sum;
}

std::size_t LeasePool::claim(std::size_t worker) {
  std::size_t largest = 0;
  std::optional<std::size_t> free;
  for (std::size_t r = 0; r < regions_.size(); ++r) {
    if (regions_[r].owner == worker) return r;
    if (!regions_[r].owner && (!free || regions_[r].cost > regions_[*free].cost)) free = r;
    if (regions_[r].cost > regions_[largest].cost) largest = r;
  }
  // A large region is shared before a small one is begun: workers that are alike should be done alike.
  if (free && 2 * regions_[*free].cost >= regions_[largest].cost) {
    regions_[*free].owner = worker;
    return *free;
  }
  Evaluate& work = regions_[largest].work;
  if (work.recipes.size() == 1) {  // a recipe that is cut by windows changes hands
    regions_[largest].owner = worker;
    return largest;
  }
  Evaluate half{work.set, work.begin, work.count, {}};
  half.recipes = move_out(work.recipes, work.recipes.size() / 2, work.recipes.size());
  replace(largest, std::move(work));
  regions_.push_back(make_region(worker, std::move(half)));
  return regions_.size() - 1;
}

std::optional<Evaluate> LeasePool::take(std::size_t worker, double cost) {
  if (regions_.empty()) return std::nullopt;
  const std::size_t region = claim(worker);
  const Evaluate& work = regions_[region].work;
  const bool one_is_too_much = static_cast<double>(settings_.stages * work.count) > cost && work.count > 1;
  return one_is_too_much ? cut_windows(region, cost) : cut_recipes(region, cost);
}

/// Some windows of the first recipe. Its other windows become a region for whoever comes next.
Evaluate LeasePool::cut_windows(std::size_t region, double cost) {
  Evaluate& work = regions_[region].work;
  const auto wanted = static_cast<std::int64_t>(cost / static_cast<double>(settings_.stages));
  const std::int64_t windows = std::clamp<std::int64_t>(wanted, 1, work.count);
  Evaluate lease{work.set, work.begin, windows, {work.recipes.front()}};
  Evaluate rest{work.set, work.begin + windows, work.count - windows, {work.recipes.front()}};
  if (work.recipes.size() > 1) {
    work.recipes.erase(work.recipes.begin());
    replace(region, std::move(work));
    if (rest.count > 0) regions_.push_back(make_region(std::nullopt, std::move(rest)));
  } else {
    replace(region, std::move(rest));
  }
  return lease;
}

Evaluate LeasePool::cut_recipes(std::size_t region, double cost) {
  Region& from = regions_[region];
  const double windows = static_cast<double>(from.work.count);
  double sum = from.added.front() * windows;
  std::size_t end = 1;
  while (end < from.added.size() && sum + from.added[end] * windows <= cost) sum += from.added[end++] * windows;
  Evaluate lease{from.work.set, from.work.begin, from.work.count, move_out(from.work.recipes, 0, end)};
  if (from.work.recipes.empty()) {
    regions_.erase(regions_.begin() + static_cast<std::ptrdiff_t>(region));
    return lease;
  }
  from.added.erase(from.added.begin(), from.added.begin() + static_cast<std::ptrdiff_t>(end));
  from.added.front() = static_cast<double>(settings_.stages);
  from.cost = std::accumulate(from.added.begin(), from.added.end(), 0.0) * windows;
  return lease;
}

void LeasePool::replace(std::size_t region, Evaluate rest) {
  if (rest.recipes.empty() || rest.count == 0) {
    regions_.erase(regions_.begin() + static_cast<std::ptrdiff_t>(region));
  } else {
    regions_[region] = make_region(regions_[region].owner, std::move(rest));
  }
}

void LeasePool::drop(const Recipe& recipe) {
  for (std::size_t r = regions_.size(); r-- > 0;) {
    Evaluate& work = regions_[r].work;
    if (std::erase(work.recipes, recipe) > 0) replace(r, std::move(work));
  }
}

}  // namespace pare::search
