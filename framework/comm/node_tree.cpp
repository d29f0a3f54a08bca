// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/node_tree.hpp"

#include <set>

#include "kernels/core/contract.hpp"

namespace pare::framework {

NodePlace place_in_tree(const std::vector<std::string>& host_of_rank, int rank) {
  EXPECT(rank >= 0 && rank < static_cast<int>(host_of_rank.size()));
  std::vector<int> leaders;
  std::set<std::string> seen;
  for (int r = 0; r < static_cast<int>(host_of_rank.size()); ++r) {
    if (seen.insert(host_of_rank[static_cast<std::size_t>(r)]).second) leaders.push_back(r);
  }
  NodePlace place;
  place.nodes = static_cast<int>(leaders.size());
  for (std::size_t n = 0; n < leaders.size(); ++n) {
    if (leaders[n] != rank) continue;
    place.leads = true;
    if (n > 0) place.parent = leaders[(n - 1) / 2];
    for (const std::size_t child : {2 * n + 1, 2 * n + 2})
      if (child < leaders.size()) place.children.push_back(leaders[child]);
  }
  return place;
}

}  // namespace pare::framework
