// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "search/coordination/protocol.hpp"
#include "search/space/search_space.hpp"

namespace pare::search {

struct LeaseSettings {
  std::size_t workers = 1;
  std::int64_t stages = 0;       ///< of the model's chain
  std::int64_t max_windows = 1;  ///< in one lease: bounds the memory of a worker's hidden states
};

/// Cuts an evaluation of `recipes` on windows [begin, begin + count) of a set into leases of about equal work, a few a
/// worker: neighbours in the order of the prefix trie stay together, and a candidate is cut by windows only when it
/// alone is too much for a lease. What a lease computes for a candidate and a window does not depend on the cut.
std::vector<Evaluate> make_leases(const SearchSpace& space, std::vector<Recipe> recipes, WindowSet set,
                                  std::int64_t begin, std::int64_t count, const LeaseSettings& settings);

}  // namespace pare::search
