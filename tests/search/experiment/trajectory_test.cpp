// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/trajectory.hpp"

#include <gtest/gtest.h>

namespace pare::test {
namespace {

using search::Recipe;
using search::Trajectory;

std::vector<std::int64_t> tokens_of(const Trajectory& trajectory) {
  std::vector<std::int64_t> tokens;
  for (const auto& point : trajectory.points()) tokens.push_back(point.tokens);
  return tokens;
}

}  // namespace

TEST(Trajectory, KeepsTheLastChangeOfEveryStep) {
  Trajectory trajectory(6400);
  std::uint8_t answer = 0;
  for (const std::int64_t tokens : {0, 10, 100, 101, 149, 150, 151, 3000, 3201, 4800, 4801, 6000}) {
    trajectory.add(tokens, Recipe{++answer});
  }

  EXPECT_EQ(tokens_of(trajectory), (std::vector<std::int64_t>{0, 100, 150, 151, 3000, 4800, 6000}));
  EXPECT_EQ(trajectory.points().back().recipe, Recipe{12});
}

TEST(Trajectory, TakesTheSameAnswerAgainForNoChange) {
  Trajectory trajectory(6400);
  trajectory.add(0, {1});
  trajectory.add(1000, {1});
  trajectory.add(2000, {2});
  trajectory.add(3000, {2});

  EXPECT_EQ(tokens_of(trajectory), (std::vector<std::int64_t>{0, 2000}));
}

TEST(Trajectory, ForgetsAChangeThatWasTakenBackWithinItsStep) {
  Trajectory trajectory(6400);
  trajectory.add(0, {1});
  trajectory.add(5000, {2});
  trajectory.add(5100, {1});

  EXPECT_EQ(tokens_of(trajectory), (std::vector<std::int64_t>{0}));
}

}  // namespace pare::test
