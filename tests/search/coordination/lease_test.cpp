// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/lease.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace pare::test {
namespace {

using namespace pare::search;

SearchSpace six_sites() {
  SearchSpace space;
  for (int s = 0; s < 6; ++s) {
    SearchSite site;
    site.stage = 1 + s;
    site.weights = 10;
    site.options = {{"a", 1, 0.0}, {"b", 2, 0.0}};
    space.sites.push_back(site);
  }
  return space;
}

std::vector<Recipe> single_swaps() {
  std::vector<Recipe> recipes{Recipe(6, 0)};
  for (std::size_t s = 0; s < 6; ++s) {
    recipes.push_back(Recipe(6, 0));
    recipes.back()[s] = 1;
  }
  return recipes;
}

/// Every (recipe, window) exactly once.
void expect_complete(const std::vector<Evaluate>& leases, const std::vector<Recipe>& recipes, std::int64_t begin,
                     std::int64_t count) {
  std::map<std::pair<Recipe, std::int64_t>, int> seen;
  for (const Evaluate& lease : leases)
    for (const Recipe& recipe : lease.recipes)
      for (std::int64_t w = lease.begin; w < lease.begin + lease.count; ++w) ++seen[{recipe, w}];
  EXPECT_EQ(seen.size(), recipes.size() * static_cast<std::size_t>(count));
  for (const auto& [key, times] : seen) {
    EXPECT_EQ(times, 1);
    EXPECT_TRUE(key.second >= begin && key.second < begin + count);
  }
}

TEST(Lease, CoversEveryCandidateAndWindowOnce) {
  const SearchSpace space = six_sites();
  for (const std::size_t workers : {1u, 2u, 5u, 64u}) {
    for (const std::int64_t count : {1, 3, 64}) {
      const auto leases = make_leases(space, single_swaps(), WindowSet::search, 2, count, {workers, 8, 16});
      expect_complete(leases, single_swaps(), 2, count);
    }
  }
}

TEST(Lease, CutsOneCandidateByWindowsForManyWorkers) {
  const auto leases = make_leases(six_sites(), {Recipe(6, 0)}, WindowSet::holdout, 0, 32, {4, 8, 1000});

  EXPECT_GE(leases.size(), 4u);
  expect_complete(leases, {Recipe(6, 0)}, 0, 32);
}

TEST(Lease, BoundsTheWindowsOfALease) {
  for (const Evaluate& lease : make_leases(six_sites(), single_swaps(), WindowSet::search, 0, 100, {1, 8, 7})) {
    EXPECT_LE(lease.count, 7);
  }
}

TEST(Lease, KeepsNeighboursInTheTrieTogether) {
  const auto leases = make_leases(six_sites(), single_swaps(), WindowSet::search, 0, 4, {1, 8, 1000});

  EXPECT_LE(leases.size(), 5u);
  std::set<Recipe> sorted;
  Recipe last;
  for (const Evaluate& lease : leases) {
    for (const Recipe& recipe : lease.recipes) {
      EXPECT_LT(last, recipe);
      last = recipe;
    }
  }
}

}  // namespace
}  // namespace pare::test
