// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/lease_pool.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

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

/// Takes everything, workers in turn.
std::vector<std::vector<Evaluate>> take_all(LeasePool& pool, std::size_t workers, double cost) {
  std::vector<std::vector<Evaluate>> leases(workers);
  for (std::size_t w = 0; !pool.empty(); w = (w + 1) % workers)
    if (auto lease = pool.take(w, cost)) leases[w].push_back(std::move(*lease));
  return leases;
}

TEST(LeasePool, GivesEveryCandidateAndWindowOnce) {
  const SearchSpace space = six_sites();
  for (const std::size_t workers : {1U, 2U, 5U, 64U}) {
    for (const double cost : {1.0, 9.0, 40.0, 1e9}) {
      for (const std::int64_t count : {1, 3, 64}) {
        LeasePool pool(space, {.stages = 8, .max_windows = 16}, {{WindowSet::search, 2, count, single_swaps()}});
        std::map<std::pair<Recipe, std::int64_t>, int> seen;

        for (const auto& of_worker : take_all(pool, workers, cost))
          for (const Evaluate& lease : of_worker)
            for (const Recipe& recipe : lease.recipes)
              for (std::int64_t w = lease.begin; w < lease.begin + lease.count; ++w) ++seen[{recipe, w}];

        EXPECT_EQ(seen.size(), single_swaps().size() * static_cast<std::size_t>(count));
        for (const auto& [key, times] : seen) {
          EXPECT_EQ(times, 1);
          EXPECT_TRUE(key.second >= 2 && key.second < 2 + count);
        }
        EXPECT_EQ(pool.cost(), 0);
      }
    }
  }
}

TEST(LeasePool, CutsOneCandidateByWindowsWhenItIsTooMuch) {
  const SearchSpace space = six_sites();
  LeasePool pool(space, {.stages = 8, .max_windows = 1000}, {{WindowSet::holdout, 0, 32, {Recipe(6, 0)}}});

  for (std::size_t w = 0; w < 8; ++w) EXPECT_EQ(pool.take(w, 32)->count, 4);

  EXPECT_TRUE(pool.empty());
}

TEST(LeasePool, BoundsTheWindowsOfALease) {
  const SearchSpace space = six_sites();
  LeasePool pool(space, {.stages = 8, .max_windows = 7}, {{WindowSet::search, 0, 100, single_swaps()}});

  const auto leases = take_all(pool, 1, 1e9);

  for (const Evaluate& lease : leases[0]) EXPECT_LE(lease.count, 7);
}

TEST(LeasePool, GivesLeasesOfTheCostThatIsAskedFor) {
  const SearchSpace space = six_sites();
  const LeaseSettings settings{.stages = 8, .max_windows = 100};
  LeasePool pool(space, settings, {{WindowSet::search, 0, 4, single_swaps()}});
  const double all = pool.cost();

  const auto lease = pool.take(0, all / 2);

  EXPECT_LE(lease_cost(space, settings, *lease), all / 2);
  EXPECT_GE(lease_cost(space, settings, *lease), all / 4);
}

/// What a worker gets are neighbours in the trie, one lease after the other.
TEST(LeasePool, LetsEveryWorkerStayInItsRegion) {
  const SearchSpace space = six_sites();
  std::vector<Recipe> all;
  for (unsigned bits = 0; bits < 64; ++bits) {
    Recipe& recipe = all.emplace_back();
    for (unsigned s = 0; s < 6; ++s) recipe.push_back(bits >> (5 - s) & 1U);
  }
  LeasePool pool(space, {.stages = 8, .max_windows = 100}, {{WindowSet::search, 0, 4, all}});

  const auto leases = take_all(pool, 4, 60);

  for (const auto& of_worker : leases) {
    int jumps = 0;
    for (std::size_t i = 1; i < of_worker.size(); ++i) {
      const auto last = std::ranges::find(all, of_worker[i - 1].recipes.back());
      jumps += std::next(last) == all.end() || *std::next(last) != of_worker[i].recipes.front() ? 1 : 0;
    }
    EXPECT_LE(jumps, 2);
    EXPECT_GE(of_worker.size(), 3U);
  }
}

TEST(LeasePool, ForgetsADroppedCandidate) {
  const SearchSpace space = six_sites();
  LeasePool pool(space, {.stages = 8, .max_windows = 2}, {{WindowSet::search, 0, 4, {Recipe(6, 0), Recipe(6, 1)}}});

  pool.drop(Recipe(6, 0));

  const auto leases = take_all(pool, 1, 1e9);

  for (const Evaluate& lease : leases[0]) EXPECT_EQ(lease.recipes, std::vector<Recipe>{Recipe(6, 1)});
}

}  // namespace
}  // namespace pare::test
