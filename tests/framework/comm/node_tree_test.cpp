// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/node_tree.hpp"

#include <gmock/gmock.h>

#include <map>

namespace pare::test {
namespace {

using framework::NodePlace;
using framework::place_in_tree;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(NodeTree, LetsTheFirstRankOfEachHostLead) {
  const std::vector<std::string> hosts{"a", "a", "b", "a", "b"};

  EXPECT_TRUE(place_in_tree(hosts, 0).leads);
  EXPECT_FALSE(place_in_tree(hosts, 1).leads);
  EXPECT_TRUE(place_in_tree(hosts, 2).leads);
  EXPECT_FALSE(place_in_tree(hosts, 3).leads);
  EXPECT_FALSE(place_in_tree(hosts, 4).leads);
  EXPECT_EQ(place_in_tree(hosts, 4).nodes, 2);
  EXPECT_THAT(place_in_tree(hosts, 0).children, ElementsAre(2));
  EXPECT_EQ(place_in_tree(hosts, 2).parent, 0);
}

TEST(NodeTree, HasNobodyBelowOnOneHost) {
  const NodePlace place = place_in_tree({"a", "a", "a"}, 0);

  EXPECT_EQ(place.nodes, 1);
  EXPECT_THAT(place.children, IsEmpty());
}

TEST(NodeTree, ReachesAThousandNodesOnceInTenSteps) {
  constexpr int nodes = 1000;
  constexpr int ranks = 4;
  std::vector<std::string> hosts;
  for (int r = 0; r < nodes * ranks; ++r) hosts.push_back("node" + std::to_string(r / ranks));
  std::map<int, int> depth{{0, 0}};
  for (int r = 0; r < nodes * ranks; r += ranks) {
    const NodePlace place = place_in_tree(hosts, r);
    ASSERT_TRUE(place.leads);
    ASSERT_TRUE(depth.contains(r));
    ASSERT_LE(place.children.size(), 2U);
    for (const int child : place.children) {
      EXPECT_EQ(place_in_tree(hosts, child).parent, r);
      EXPECT_TRUE(depth.emplace(child, depth[r] + 1).second);
    }
  }
  EXPECT_EQ(depth.size(), static_cast<std::size_t>(nodes));
  for (const auto& [rank, steps] : depth) EXPECT_LT(steps, 10);
}

}  // namespace
}  // namespace pare::test
