// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/duration_histogram.hpp"

#include <gtest/gtest.h>

namespace pare::test {
namespace {

TEST(DurationHistogram, FindsQuantilesToATenth) {
  search::DurationHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.add(i * 1e-3);

  EXPECT_NEAR(histogram.quantile(0.5), 0.5, 0.05);
  EXPECT_NEAR(histogram.quantile(0.95), 0.95, 0.095);
  EXPECT_NEAR(histogram.quantile(1), 1, 0.1);
}

TEST(DurationHistogram, TakesAnyDuration) {
  search::DurationHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);

  for (const double seconds : {0.0, 1e-12, 1e300}) histogram.add(seconds);

  EXPECT_EQ(histogram.count(), 3);
  EXPECT_LE(histogram.quantile(0.5), 1e-6);
  EXPECT_GE(histogram.quantile(1), 8e5);
}

}  // namespace
}  // namespace pare::test
