// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/quantize_tokens.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

struct Tokens {
  explicit Tokens(MatrixView<const float> x) : codes(x.rows, x.cols), scales(static_cast<std::size_t>(x.rows), NAN) {
    quantize_tokens_int8(x, codes.view(), scales);
  }
  Tokens(MatrixView<const float> x, const Int8Input& input)
      : codes(x.rows, x.cols), scales(static_cast<std::size_t>(x.rows), NAN) {
    quantize_tokens_int8(x, input, codes.view(), scales);
  }
  std::vector<int> all_codes() const { return {codes.data(), codes.data() + codes.size()}; }

  Matrix<std::int8_t> codes;
  std::vector<float> scales;
};

TEST(QuantizeTokens, RoundsByHandHalfToEven) {
  const float x[] = {127.0f, -63.5f, 0.5f, 1.5f, -2.5f, 0.0f};

  const Tokens tokens({x, 1, 6});

  EXPECT_EQ(tokens.scales[0], 1.0f);
  EXPECT_THAT(std::vector<int>(tokens.codes.data(), tokens.codes.data() + 6),
              testing::ElementsAre(127, -64, 0, 2, -2, 0));
}

TEST(QuantizeTokens, FollowsItsDefinitionAtEveryWidth) {
  for (const std::int64_t cols : {1, 15, 16, 64, 172, 257}) {
    const Matrix<float> x = random_matrix(5, cols + 1, 1);
    const auto part = x.view().cols_from(1, cols);

    const Tokens tokens(part);

    for (std::int64_t t = 0; t < 5; ++t) {
      float largest = 0.0f;
      for (std::int64_t k = 0; k < cols; ++k) largest = std::max(largest, std::abs(part.row(t)[k]));
      const float scale = tokens.scales[static_cast<std::size_t>(t)];
      ASSERT_EQ(scale, largest / 127.0f);
      for (std::int64_t k = 0; k < cols; ++k) {
        ASSERT_EQ(tokens.codes.row(t)[k], static_cast<int>(std::nearbyint(part.row(t)[k] / scale)));
        ASSERT_LE(std::abs(part.row(t)[k] - scale * static_cast<float>(tokens.codes.row(t)[k])), 0.5001f * scale);
      }
    }
  }
}

TEST(QuantizeTokens, HandlesZeroHugeAndTinyRows) {
  constexpr float tiny = std::numeric_limits<float>::denorm_min();
  constexpr float huge = std::numeric_limits<float>::max();
  const float x[] = {0.0f, -0.0f, huge, -huge, tiny, tiny, 130 * tiny, -130 * tiny};

  const Tokens tokens({x, 4, 2});

  EXPECT_EQ(tokens.scales[0], 0.0f);
  EXPECT_EQ(tokens.scales[2], 0.0f);
  EXPECT_THAT(std::vector<int>(tokens.codes.data(), tokens.codes.data() + 8),
              testing::ElementsAre(0, 0, 127, -127, 0, 0, 127, -127));
}

TEST(QuantizeTokens, ANonFiniteRowHasTheScaleNan) {
  const float x[] = {1.0f, NAN, 1.0f, -std::numeric_limits<float>::infinity(), 1.0f, 2.0f};

  const Tokens tokens({x, 3, 2});

  EXPECT_TRUE(std::isnan(tokens.scales[0]));
  EXPECT_TRUE(std::isnan(tokens.scales[1]));
  EXPECT_EQ(tokens.codes.row(2)[1], 127);
}

TEST(QuantizeTokens, DividesEachInputBeforeTheMaximumIsTaken) {
  // Divided: 127, 3, -2.5 -> the scale is 1; without the divisors it would be 254 / 127 = 2.
  const float x[] = {254.0f, 1.5f, -10.0f};

  const Tokens tokens({x, 1, 3}, {{2.0f, 0.5f, 4.0f}});

  EXPECT_EQ(tokens.scales[0], 1.0f);
  EXPECT_THAT(tokens.all_codes(), testing::ElementsAre(127, 3, -2));
}

TEST(QuantizeTokens, SaturatesAtAStaticScale) {
  const float x[] = {0.25f, 0.75f, -63.5f, 64.0f, -1e30f, 1e38f, 0.0f, 0.0f, -0.0f, 0.0f, 0.0f, 0.0f};

  const Tokens tokens({x, 2, 6}, {{}, 0.5f});

  EXPECT_THAT(tokens.scales, testing::Each(0.5f));
  EXPECT_THAT(tokens.all_codes(), testing::ElementsAre(0, 2, -127, 127, -127, 127, 0, 0, 0, 0, 0, 0));
}

TEST(QuantizeTokens, DividesAndScalesByItsDefinitionAtEveryWidth) {
  for (const std::int64_t cols : {1, 15, 16, 64, 172, 257}) {
    const Matrix<float> x = random_matrix(37, cols + 1, 1);
    const auto part = x.view().cols_from(1, cols);
    Int8Input input;
    for (std::int64_t k = 0; k < cols; ++k) input.divisors.push_back(0.3f + static_cast<float>(k % 11));
    for (const float static_scale : {0.0f, 0.01f}) {
      input.static_scale = static_scale;
      const WithThreads with_threads(static_scale > 0.0f ? 1 : 3);

      const Tokens tokens(part, input);

      for (std::int64_t t = 0; t < part.rows; ++t) {
        float largest = 0.0f;
        std::vector<float> y;
        for (std::int64_t k = 0; k < cols; ++k) {
          y.push_back(part.row(t)[k] / input.divisors[static_cast<std::size_t>(k)]);
          largest = std::max(largest, std::abs(y.back()));
        }
        const float scale = static_scale > 0.0f ? static_scale : largest / 127.0f;
        ASSERT_EQ(tokens.scales[static_cast<std::size_t>(t)], scale);
        for (std::int64_t k = 0; k < cols; ++k) {
          const float code = std::clamp(std::nearbyint(y[static_cast<std::size_t>(k)] / scale), -127.0f, 127.0f);
          ASSERT_EQ(tokens.codes.row(t)[k], static_cast<int>(code)) << t << ", " << k;
        }
      }
    }
  }
}

TEST(QuantizeTokens, ARowThatIsNotFiniteAfterTheDivisionHasTheScaleNan) {
  const float x[] = {1.0f, NAN, 1.0f, INFINITY, std::numeric_limits<float>::max(), 1.0f, 1.0f, 2.0f};

  const Tokens tokens({x, 4, 2}, {{0.5f, 1.0f}, 2.0f});

  for (const std::size_t t : {0u, 1u, 2u}) EXPECT_TRUE(std::isnan(tokens.scales[t])) << t;
  EXPECT_EQ(tokens.scales[3], 2.0f);
  EXPECT_THAT(tokens.all_codes(), testing::ElementsAre(0, 0, 0, 0, 0, 0, 1, 1));
}

TEST(QuantizeTokens, ChecksItsInput) {
  using testing::StrEq;
  using testing::ThrowsMessage;
  EXPECT_NO_THROW(check_int8_input({{1.0f, 2.0f}, 0.5f}, 2));
  EXPECT_NO_THROW(check_int8_input({}, 2));
  EXPECT_THAT(
      [] {
        check_int8_input({{1.0f}, 0.0f}, 2);
      },
      ThrowsMessage<InputError>(StrEq("1 divisors do not fit a layer with 2 inputs, there must be one for each "
                                      "input (or none)")));
  EXPECT_THAT(
      [] {
        check_int8_input({{1.0f, 0.0f}, 0.0f}, 2);
      },
      ThrowsMessage<InputError>(StrEq("the divisor of input 1 is 0, it must be positive and finite")));
  EXPECT_THAT(
      [] {
        check_int8_input({{NAN, 1.0f}, 0.0f}, 2);
      },
      ThrowsMessage<InputError>(StrEq("the divisor of input 0 is nan, it must be positive and finite")));
  EXPECT_THAT(
      [] {
        check_int8_input({{}, -1.0f}, 2);
      },
      ThrowsMessage<InputError>(StrEq("a static activation scale of -1 cannot be used, it must be positive and "
                                      "finite (or 0: a scale for each token)")));
  EXPECT_THAT(
      [] {
        check_int8_input({{}, INFINITY}, 2);
      },
      ThrowsMessage<InputError>(testing::HasSubstr("scale of inf cannot be used")));
}

}  // namespace
}  // namespace pare::test
