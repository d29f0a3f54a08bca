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

}  // namespace
}  // namespace pare::test
