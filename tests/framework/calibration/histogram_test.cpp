// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/histogram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::Histogram;

/// Normal values of very different magnitudes.
std::vector<float> some_values(int count) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(normal(generator) * std::exp2(static_cast<float>(i % 23 - 11)));
  return values;
}

TEST(Histogram, CountsMagnitudesByHand) {
  Histogram histogram(2048.0);  // bins of width 1

  histogram.add(std::vector<float>{0.0f, -0.0f, 0.99f, 1.0f, -1.5f, 2047.99f});

  EXPECT_EQ(histogram.counts()[0], 3);
  EXPECT_EQ(histogram.counts()[1], 2);
  EXPECT_EQ(histogram.counts()[2047], 1);
  EXPECT_EQ(histogram.count(), 6);
  EXPECT_EQ(histogram.range(), 2048.0);
  EXPECT_EQ(histogram.min(), -1.5f);
  EXPECT_EQ(histogram.max(), 2047.99f);
  EXPECT_EQ(histogram.largest(), double{2047.99f});
}

TEST(Histogram, DoublesItsRangeByAddingNeighbours) {
  Histogram histogram(2048.0);
  histogram.add(std::vector<float>{0.5f, 1.5f, 2.5f, 3.5f, 4.5f, 2047.5f});

  histogram.add(std::vector<float>{-2048.0f});  // lies just outside of [0, 2048)

  EXPECT_EQ(histogram.range(), 4096.0);
  EXPECT_EQ(histogram.bin_width(), 2.0);
  EXPECT_EQ(histogram.counts()[0], 2);
  EXPECT_EQ(histogram.counts()[1], 2);
  EXPECT_EQ(histogram.counts()[2], 1);
  EXPECT_EQ(histogram.counts()[1023], 1);
  EXPECT_EQ(histogram.counts()[1024], 1);
  EXPECT_EQ(histogram.largest(), 2048.0);
}

TEST(Histogram, CountsAsItsDefinitionSays) {
  const std::vector<float> values = some_values(5000);
  Histogram histogram;
  histogram.add(values);

  std::vector<std::int64_t> expected(Histogram::bins);
  for (const float value : values) {
    ++expected[static_cast<std::size_t>(std::floor(std::abs(double{value}) / histogram.bin_width()))];
  }
  EXPECT_THAT(histogram.counts(), testing::ElementsAreArray(expected));
  EXPECT_LE(histogram.range() / 2.0, histogram.largest());
  EXPECT_GT(histogram.range(), histogram.largest());
}

TEST(Histogram, DependsOnNeitherOrderNorSharding) {
  std::vector<float> values = some_values(3001);
  Histogram whole;
  whole.add(values);
  for (const std::size_t parts : {2u, 3u, 7u}) {
    std::shuffle(values.begin(), values.end(), std::mt19937(static_cast<unsigned>(parts)));
    Histogram merged;
    Histogram one_by_one;
    for (std::size_t part = 0; part < parts; ++part) {
      const std::size_t begin = values.size() * part / parts;
      const std::size_t end = values.size() * (part + 1) / parts;
      Histogram shard;
      shard.add({values.data() + begin, end - begin});
      merged.merge(shard);
      for (std::size_t i = begin; i < end; ++i) one_by_one.add({values.data() + i, 1});
    }

    EXPECT_EQ(merged, whole);
    EXPECT_EQ(one_by_one, whole);
  }
}

TEST(Histogram, HoldsTheLargestAndTheSmallestNumbers) {
  constexpr float huge = std::numeric_limits<float>::max();
  Histogram histogram(0x1p-100);

  histogram.add(std::vector<float>{std::numeric_limits<float>::denorm_min(), 0x1p-101f});
  EXPECT_EQ(histogram.counts()[0], 1);
  EXPECT_EQ(histogram.counts()[1024], 1);
  histogram.add(std::vector<float>{-huge});

  EXPECT_EQ(histogram.range(), 0x1p128);
  EXPECT_EQ(histogram.counts()[0], 2);
  EXPECT_EQ(histogram.counts()[2047], 1);
  EXPECT_EQ(histogram.min(), -huge);
}

TEST(Histogram, IsEmptyAtFirst) {
  Histogram histogram;
  histogram.add({});
  histogram.merge(Histogram());

  EXPECT_EQ(histogram, Histogram());
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.largest(), 0.0);
}

TEST(Histogram, RefusesValuesThatAreNotFiniteAndCountsNone) {
  Histogram histogram(1.0);
  histogram.add(std::vector<float>{0.5f});
  const Histogram before = histogram;

  EXPECT_THAT(
      [&] {
        histogram.add(std::vector<float>{3.0f, NAN});
      },
      testing::ThrowsMessage<InputError>(
          testing::StrEq("value 1 is nan and has no place in a histogram, values must be finite")));
  EXPECT_THAT([&] { histogram.add(std::vector<float>{-INFINITY}); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("value 0 is -inf")));
  EXPECT_EQ(histogram, before);
}

TEST(Histogram, RefusesRangesThatCouldNotBeMergedExactly) {
  for (const double range : {0.0, -1.0, 3.0, 0x1p-101, 0x1p101, double{NAN}, double{INFINITY}}) {
    EXPECT_THAT([&] { Histogram histogram(range); },
                testing::ThrowsMessage<InputError>(testing::HasSubstr("must be a power of two from 2^-100 to 2^100")))
        << range;
  }
  Histogram one(1.0);
  EXPECT_THAT([&] { one.merge(Histogram(2.0)); },
              testing::ThrowsMessage<InputError>(
                  testing::StrEq("histograms that started with the ranges 1 and 2 cannot be merged, they must start "
                                 "with the same one")));
}

}  // namespace
}  // namespace pare::test
