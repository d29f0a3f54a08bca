// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "search/coordination/protocol.hpp"
#include "search/space/search_space.hpp"

namespace pare::search {

struct LeaseSettings {
  std::int64_t stages = 0;       ///< of the model's chain
  std::int64_t max_windows = 1;  ///< in one lease: bounds the memory of a worker's hidden states
};

/// Cost of a lease in stage runs, a stage on a window counted once: what the prefix trie of its recipes (ascending)
/// has to run.
double lease_cost(const SearchSpace& space, const LeaseSettings& settings, const Evaluate& lease);

/// The evaluations that are not handed out yet, and how they are cut into leases.
///
/// Every worker eats its way through a region of the sorted recipes, so that what it evaluates next shares prefixes
/// with what it evaluated before and finds its hidden states there; a worker whose region is eaten takes over half of
/// the largest one. Recipes stay on all their windows; only one that alone is too much is cut by windows. What a lease
/// computes for a recipe and a window does not depend on any of this.
class LeasePool {
 public:
  /// `work`: recipes in any order, no recipe twice on a window.
  LeasePool(const SearchSpace& space, const LeaseSettings& settings, std::vector<Evaluate> work);

  bool empty() const { return regions_.empty(); }
  /// Of all that is left, in stage runs.
  double cost() const;

  /// The next lease for a worker, of about `cost` and at least one recipe on one window; recipes ascending.
  std::optional<Evaluate> take(std::size_t worker, double cost);

  /// Forgets a recipe that nobody has to evaluate any more.
  void drop(const Recipe& recipe);

 private:
  struct Region {
    std::optional<std::size_t> owner;
    Evaluate work;
    std::vector<double> added;  ///< stage runs a window that each recipe adds to its predecessor
    double cost = 0;            ///< sum of `added`, times the windows
  };

  Region make_region(std::optional<std::size_t> owner, Evaluate work) const;
  /// The region to take from, now owned by the worker.
  std::size_t claim(std::size_t worker);
  Evaluate cut_windows(std::size_t region, double cost);
  Evaluate cut_recipes(std::size_t region, double cost);
  void replace(std::size_t region, Evaluate rest);

  const SearchSpace& space_;
  LeaseSettings settings_;
  std::vector<Region> regions_;  ///< none is empty
};

}  // namespace pare::search
