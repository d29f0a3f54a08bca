// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace pare::framework {

/// Where a rank stands when something is brought to every node once: the first rank of each host leads it, and the
/// leaders form a binary tree with rank 0 at its root.
struct NodePlace {
  int nodes = 1;              ///< hosts there are
  bool leads = false;         ///< the first rank of its host
  int parent = -1;            ///< rank of the leader above; -1 for the root and for those who do not lead
  std::vector<int> children;  ///< ranks of the leaders below, at most two
};

/// host_of_rank: one name a rank, equal for the ranks of a host, in any order of hosts.
NodePlace place_in_tree(const std::vector<std::string>& host_of_rank, int rank);

}  // namespace pare::framework
