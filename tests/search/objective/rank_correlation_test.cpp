// SPDX-License-Identifier: Apache-2.0
#include "search/objective/rank_correlation.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace pare::test {
namespace {

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  return search::rank_correlation(a, b);
}

TEST(RankCorrelation, SeesOrderAndNotSize) {
  EXPECT_DOUBLE_EQ(correlation({1, 2, 3, 4}, {1, 10, 11, 1000}), 1);
  EXPECT_DOUBLE_EQ(correlation({1, 2, 3, 4}, {9, 7, 5, -100}), -1);
  EXPECT_DOUBLE_EQ(correlation({1, 2, 3, 4, 5}, {2, 1, 4, 3, 5}), 0.8);
}

TEST(RankCorrelation, SharesRanksAmongEqualValues) {
  EXPECT_NEAR(correlation({1, 1, 2}, {1, 2, 3}), 0.8660254, 1e-6);
  EXPECT_DOUBLE_EQ(correlation({1, 1, 1}, {1, 2, 3}), 0);
}

TEST(RankCorrelation, IsNothingForOnePair) {
  EXPECT_DOUBLE_EQ(correlation({1}, {1}), 0);
}

}  // namespace
}  // namespace pare::test
