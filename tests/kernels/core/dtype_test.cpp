// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(Float16, EveryValueGoesToFloatAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const Float16 half{static_cast<std::uint16_t>(bits)};
    const float value = to_float(half);

    if (std::isnan(value)) {
      EXPECT_EQ(bits & 0x7c00u, 0x7c00u);
      EXPECT_TRUE(std::isnan(to_float(to_float16(value))));
    } else {
      ASSERT_EQ(to_float16(value).bits, half.bits);
    }
  }
}

TEST(BFloat16, EveryValueGoesToFloatAndBack) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const BFloat16 brain{static_cast<std::uint16_t>(bits)};
    const float value = to_float(brain);

    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(to_float(to_bfloat16(value))));
    } else {
      ASSERT_EQ(to_bfloat16(value).bits, brain.bits);
    }
  }
}

#ifdef __FLT16_MAX__
/// Float16 for the type under test, the compiler's own _Float16 for the truth.
TEST(Float16, AgreesWithTheCompiler) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto truth = static_cast<float>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits)));
    const float value = to_float(Float16{static_cast<std::uint16_t>(bits)});
    if (std::isnan(truth)) {
      ASSERT_TRUE(std::isnan(value));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(value), std::bit_cast<std::uint32_t>(truth)) << bits;
    }
  }
  for (std::uint64_t bits = 0; bits < 0x100000000ull; bits += 4099) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (std::isnan(value)) continue;
    ASSERT_EQ(to_float16(value).bits, std::bit_cast<std::uint16_t>(static_cast<_Float16>(value))) << value;
  }
}
#endif

TEST(Float16, RoundsTiesToEvenAndOverflowsToInfinity) {
  EXPECT_EQ(to_float16(1.0f + 0x1p-11f).bits, 0x3c00u);
  EXPECT_EQ(to_float16(1.0f + 3 * 0x1p-11f).bits, 0x3c02u);
  EXPECT_EQ(to_float16(0x1p-25f).bits, 0u);
  EXPECT_EQ(to_float16(3 * 0x1p-25f).bits, 2u);
  EXPECT_EQ(to_float16(65519.99f).bits, 0x7bffu);
  EXPECT_EQ(to_float16(65520.0f).bits, 0x7c00u);
  EXPECT_EQ(to_float16(-std::numeric_limits<float>::infinity()).bits, 0xfc00u);
  EXPECT_EQ(to_float16(-0.0f).bits, 0x8000u);
}

TEST(BFloat16, RoundsToTheNearestOfItsNeighboursTiesToEven) {
  EXPECT_EQ(to_bfloat16(1.0f + 0x1p-8f).bits, 0x3f80u);
  EXPECT_EQ(to_bfloat16(1.0f + 3 * 0x1p-8f).bits, 0x3f82u);
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::max()).bits, 0x7f80u);
  std::mt19937 generator(1);
  for (int i = 0; i < 100000; ++i) {
    const auto x = std::bit_cast<float>(static_cast<std::uint32_t>(generator()));
    if (!std::isfinite(x) || std::abs(x) > 1e38f || std::abs(x) < 1e-38f) continue;
    const BFloat16 rounded = to_bfloat16(x);
    const double error = std::abs(double{to_float(rounded)} - x);
    for (const int step : {-1, 1}) {
      const BFloat16 neighbour{static_cast<std::uint16_t>(rounded.bits + step)};
      ASSERT_LE(error, std::abs(double{to_float(neighbour)} - x)) << x;
    }
  }
}

}  // namespace
}  // namespace pare::test
