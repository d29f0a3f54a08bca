// SPDX-License-Identifier: Apache-2.0
#include "search/space/random.hpp"

#include "kernels/core/philox.hpp"

#include <gtest/gtest.h>

#include <array>

#include <algorithm>

namespace pare::test {
namespace {

using search::DecisionRandom;

// The known answers of Random123 (kat_vectors), philox4x32 with 10 rounds.
TEST(Philox, GivesThePublishedNumbers) {
  EXPECT_EQ(kernels::philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(kernels::philox4x32({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
            (std::array<std::uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(kernels::philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (std::array<std::uint32_t, 4>{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(DecisionRandom, DependsOnSeedAndDecisionOnly) {
  DecisionRandom first(7, 3);
  DecisionRandom again(7, 3);
  DecisionRandom other_decision(7, 4);
  DecisionRandom other_seed(8, 3);

  const std::uint32_t draw = first.next();

  EXPECT_EQ(draw, again.next());
  EXPECT_NE(draw, other_decision.next());
  EXPECT_NE(draw, other_seed.next());
}

TEST(DecisionRandom, StartsWithThePhiloxBlock) {
  DecisionRandom random(0x299f31d0a4093822, 0);
  const std::array<std::uint32_t, 4> block = kernels::philox4x32({0, 0, 0, 0}, {0xa4093822, 0x299f31d0});

  for (const std::uint32_t expected : block) EXPECT_EQ(random.next(), expected);
  EXPECT_EQ(random.next(), kernels::philox4x32({1, 0, 0, 0}, {0xa4093822, 0x299f31d0})[0]);
}

TEST(DecisionRandom, FillsItsRangesEvenly) {
  DecisionRandom random(1, 1);
  std::vector<int> counts(6, 0);
  double sum = 0;
  double squares = 0;

  for (int i = 0; i < 60000; ++i) {
    ++counts[random.below(6)];
    const double normal = random.normal();
    sum += normal;
    squares += normal * normal;
    const int between = random.between(-2, 2);
    EXPECT_TRUE(between >= -2 && between <= 2);
  }

  for (const int count : counts) EXPECT_NEAR(count, 10000, 450);  // five standard deviations
  EXPECT_NEAR(sum / 60000, 0, 0.021);
  EXPECT_NEAR(squares / 60000, 1, 0.03);
}

TEST(DecisionRandom, ShufflesToAPermutation) {
  std::vector<int> items{1, 2, 3, 4, 5, 6, 7, 8};
  std::vector<int> shuffled = items;
  DecisionRandom random(1, 2);

  random.shuffle(shuffled);

  EXPECT_NE(shuffled, items);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, items);
}

}  // namespace
}  // namespace pare::test
