// SPDX-License-Identifier: Apache-2.0
#include "search/space/near_name.hpp"

#include <gtest/gtest.h>

namespace pare::test {
namespace {

TEST(NearName, FindsTheLeastEdits) {
  EXPECT_EQ(search::nearest_name("par", {"evopress", "pare", "random"}), "pare");
  EXPECT_EQ(search::nearest_name("evo", {"evopress", "exhaustive"}), "evopress");
  EXPECT_EQ(search::nearest_name("w3-g46", {"w3-g32", "w3-g64", "w4-g64"}), "w3-g32");
}

}  // namespace
}  // namespace pare::test
