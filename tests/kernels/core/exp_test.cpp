// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/exp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(Exp, StaysWithinTwoUlpOverTheWholeRange) {
  double worst = 0.0;
  for (const float sign : {1.0f, -1.0f}) {
    const float limit = sign > 0.0f ? 88.7228f : 87.3365f;
    for (std::uint32_t bits = 0; std::bit_cast<float>(bits) < limit; bits += 97) {
      const float x = sign * std::bit_cast<float>(bits);
      const double expected = std::exp(double{x});
      const float rounded = static_cast<float>(expected);
      const double ulp = double{std::nextafter(rounded, std::numeric_limits<float>::infinity())} - rounded;
      if (std::isfinite(ulp)) worst = std::max(worst, std::abs(exp(splat(x))[0] - expected) / ulp);
    }
  }

  EXPECT_LE(worst, 2.0);
}

TEST(Exp, ReachesZeroInfinityAndNanAtTheEnds) {
  constexpr float infinity = std::numeric_limits<float>::infinity();

  EXPECT_EQ(exp(splat(-infinity))[0], 0.0f);
  EXPECT_EQ(exp(splat(-1e30f))[3], 0.0f);
  EXPECT_EQ(exp(splat(-88.0f))[15], 0.0f);
  EXPECT_EQ(exp(splat(0.0f))[0], 1.0f);
  EXPECT_EQ(exp(splat(88.8f))[0], infinity);
  EXPECT_EQ(exp(splat(infinity))[0], infinity);
  EXPECT_TRUE(std::isfinite(exp(splat(88.72f))[0]));
  EXPECT_TRUE(std::isnan(exp(splat(std::numeric_limits<float>::quiet_NaN()))[7]));
}

TEST(Exp, IsTheSameInHalfLanes) {
  for (const float x : {-std::numeric_limits<float>::infinity(), -87.4f, -1.0f, 0.0f, 3.7f, 88.8f}) {
    EXPECT_EQ(exp(splat_half(x))[3], exp(splat(x))[3]) << x;
  }
  EXPECT_TRUE(std::isnan(exp(splat_half(std::numeric_limits<float>::quiet_NaN()))[7]));
}

TEST(ExpOfNegative, EqualsExp) {
  for (const float x :
       {0.0f, -0.0f, -1e-8f, -1.0f, -50.3f, -87.3f, -87.4f, -1e30f, -std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(exp_of_negative(splat(x))[5], exp(splat(x))[5]) << x;
  }
  EXPECT_TRUE(std::isnan(exp_of_negative(splat(std::numeric_limits<float>::quiet_NaN()))[0]));
}

TEST(Lanes, LoadStoreAndReducePartsOfThem) {
  float x[16];
  for (int i = 0; i < 16; ++i) x[i] = static_cast<float>(i + 1);

  EXPECT_EQ(sum(load(x)), 136.0f);
  EXPECT_EQ(sum(load_some(x, 3)), 6.0f);
  EXPECT_EQ(sum(keep_first(load(x), 4, 100.0f)), 10.0f + 1200.0f);
  EXPECT_EQ(largest(load(x)), 16.0f);
  EXPECT_EQ(largest(keep_first(load(x), 5, -1.0f)), 5.0f);
  EXPECT_EQ(sum(low_half(load(x))), 36.0);
  EXPECT_EQ(sum(high_half(load(x))), 100.0);
  store_some(x, splat(0.0f), 2);
  EXPECT_EQ(x[1], 0.0f);
  EXPECT_EQ(x[2], 3.0f);
}

TEST(HalfLanes, LoadAndAddPartsOfThem) {
  float x[16];
  for (int i = 0; i < 16; ++i) x[i] = std::ldexp(static_cast<float>(i % 5 + 1), 3 * i);

  EXPECT_EQ(sum(load_half(x), load_half(x + 8)), sum(load(x)));
  EXPECT_EQ(sum(load_half(x), load_half(x + 8, 0)), sum(load_some(x, 8)));
  EXPECT_EQ(load_half(x, 3)[2], x[2]);
  EXPECT_EQ(load_half(x, 3)[3], 0.0f);
  EXPECT_EQ(load_half(x, -8)[0], 0.0f);
  EXPECT_EQ(low_half(load_half(x))[3], x[3]);
  EXPECT_EQ(high_half(load_half(x))[0], x[4]);
  store_half(x, splat_half(0.0f), 2);
  EXPECT_EQ(x[1], 0.0f);
  EXPECT_EQ(x[2], std::ldexp(3.0f, 6));
}

}  // namespace
}  // namespace pare::test
