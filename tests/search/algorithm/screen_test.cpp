// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/screen.hpp"

#include <gtest/gtest.h>

namespace pare::test {
namespace {

TEST(Screen, IsTrustedUntilItHasBeenJudged) {
  search::Screen screen(0.3);
  for (int i = 0; i < 7; ++i) screen.add(i, -i);

  EXPECT_TRUE(screen.trusted());
  screen.add(7, -7);
  EXPECT_FALSE(screen.trusted());
  EXPECT_DOUBLE_EQ(screen.correlation(), -1);
}

TEST(Screen, IsTrustedAgainWhenTheLatestTrialsAgree) {
  search::Screen screen(0.3, 8);
  for (int i = 0; i < 8; ++i) screen.add(i, -i);

  for (int i = 0; i < 8; ++i) screen.add(i, i);

  EXPECT_TRUE(screen.trusted());
  EXPECT_EQ(screen.predictions().size(), 16U);
  EXPECT_EQ(screen.predictions()[1], (search::Prediction{1, -1}));
}

}  // namespace
}  // namespace pare::test
