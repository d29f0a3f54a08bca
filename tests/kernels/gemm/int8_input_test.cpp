// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/gemm/linear.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

Int8Input some_input(std::int64_t inputs, bool divide, float static_scale) {
  Int8Input input;
  input.static_scale = static_scale;
  for (std::int64_t k = 0; divide && k < inputs; ++k) input.divisors.push_back(0.25f + static_cast<float>(k * 5 % 7));
  return input;
}

Matrix<std::int8_t> some_codes(std::int64_t outputs, std::int64_t inputs) {
  Matrix<std::int8_t> codes(outputs, inputs);
  for (std::int64_t i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::int8_t>(i * 37 % 256 - 128);
  return codes;
}

std::vector<float> some_scales(std::int64_t outputs) {
  std::vector<float> scales(static_cast<std::size_t>(outputs));
  for (std::size_t n = 0; n < scales.size(); ++n) scales[n] = 0.01f * static_cast<float>(n % 7 + 1);
  return scales;
}

/// The codes of x and their scale, value by value.
std::vector<int> quantize_plainly(const float* x, std::int64_t inputs, const Int8Input& input, float& scale) {
  std::vector<float> y;
  float largest = 0.0f;
  for (std::int64_t k = 0; k < inputs; ++k) {
    y.push_back(input.divisors.empty() ? x[k] : x[k] / input.divisors[static_cast<std::size_t>(k)]);
    largest = std::max(largest, std::abs(y.back()));
  }
  scale = input.static_scale > 0.0f ? input.static_scale : largest / 127.0f;
  std::vector<int> codes;
  for (const float value : y) {
    codes.push_back(static_cast<int>(std::clamp(std::nearbyint(value / scale), -127.0f, 127.0f)));
  }
  return codes;
}

class Int8Inputs : public testing::TestWithParam<std::tuple<bool, float>> {
 protected:
  Int8Input input(std::int64_t inputs) const {
    return some_input(inputs, std::get<0>(GetParam()), std::get<1>(GetParam()));
  }
};

TEST_P(Int8Inputs, AgreeWithIntegerSums) {
  struct Case {
    std::int64_t rows, outputs, inputs;
  };
  for (const auto& [rows, outputs, inputs] : {Case{1, 1, 1}, Case{17, 172, 64}, Case{300, 65, 129}}) {
    const Matrix<float> x = random_matrix(rows, inputs, 1);
    const Matrix<float> bias = random_matrix(1, outputs, 3);
    const Matrix<std::int8_t> codes = some_codes(outputs, inputs);
    const std::vector<float> scales = some_scales(outputs);
    Matrix<float> out = poisoned_matrix(rows, outputs);

    LinearWeights::from_int8(codes.view(), scales, input(inputs))
        .apply(x.view(), {bias.data(), static_cast<std::size_t>(outputs)}, out.view(), false);

    for (std::int64_t t = 0; t < rows; ++t) {
      float x_scale = 0.0f;
      const std::vector<int> x_codes = quantize_plainly(x.row(t), inputs, input(inputs), x_scale);
      for (std::int64_t n = 0; n < outputs; ++n) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < inputs; ++k) {
          sum += std::int64_t{x_codes[static_cast<std::size_t>(k)]} * codes.row(n)[k];
        }
        const double product = static_cast<double>(sum) * x_scale * scales[static_cast<std::size_t>(n)];
        // Four roundings of a relative 2^-24 each, as in LinearShapes.
        ASSERT_NEAR(out.row(t)[n], product + bias.data()[n], 0x1p-22 * (std::abs(product) + std::abs(bias.data()[n])));
      }
    }
  }
}

TEST_P(Int8Inputs, BitsDependOnTheRowAlone) {
  constexpr std::int64_t all_rows = 600;
  const Matrix<float> x = random_matrix(all_rows, 172, 2);
  const LinearWeights weights = LinearWeights::from_int8(some_codes(64, 172).view(), some_scales(64), input(172));
  Matrix<float> expected = poisoned_matrix(all_rows, 64);
  weights.apply(x.view(), {}, expected.view(), false);
  for (const int threads : {1, 3}) {
    const WithThreads with_threads(threads);
    for (const std::int64_t rows : {1, 7, 256, 600}) {
      Matrix<float> out = poisoned_matrix(rows, 64);
      for (const std::int64_t first : {std::int64_t{0}, all_rows - rows}) {
        weights.apply(x.view().rows_from(first, rows), {}, out.view(), false);

        ASSERT_TRUE(same_bits(out.view(), expected.view().rows_from(first, rows))) << rows << " rows from " << first;
      }
    }
  }
}

TEST_P(Int8Inputs, NanInARowOfXStaysInThatRow) {
  Matrix<float> x = random_matrix(3, 16, 2);
  x.row(1)[5] = std::numeric_limits<float>::quiet_NaN();
  Matrix<float> out = poisoned_matrix(3, 8);

  LinearWeights::from_int8(some_codes(8, 16).view(), some_scales(8), input(16)).apply(x.view(), {}, out.view(), false);

  for (std::int64_t n = 0; n < 8; ++n) {
    EXPECT_TRUE(std::isfinite(out.row(0)[n]));
    EXPECT_TRUE(std::isnan(out.row(1)[n]));
    EXPECT_TRUE(std::isfinite(out.row(2)[n]));
  }
}

INSTANTIATE_TEST_SUITE_P(DivisorsAndScales, Int8Inputs,
                         testing::Combine(testing::Bool(), testing::Values(0.0f, 0.013f)));

TEST(Int8Input, DivisionOfXAndProductOfWeightsCancelByHand) {
  // x / divisors = (127, -64), scale 1; weights (1, 2): 127 - 128.
  const float x[] = {254.0f, -32.0f};
  const std::int8_t codes[] = {1, 2};
  float out[] = {NAN};

  LinearWeights::from_int8({codes, 1, 2}, std::vector<float>{1.0f}, {{2.0f, 0.5f}, 0.0f})
      .apply({x, 1, 2}, {}, {out, 1, 1}, false);

  EXPECT_EQ(out[0], -1.0f);
}

TEST(Int8Input, IsCheckedWhenWeightsAreMade) {
  EXPECT_THAT(
      [] {
        LinearWeights::from_int8(some_codes(2, 4).view(), some_scales(2), {{1.0f, 1.0f, 1.0f}, 0.0f});
      },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("3 divisors do not fit a layer with 4 inputs")));
  EXPECT_THAT(
      [] {
        LinearWeights::from_int8(some_codes(2, 4).view(), some_scales(2), {{}, -1.0f});
      },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("a static activation scale of -1")));
}

TEST(Int8Input, DivisorsCountAsMemory) {
  const auto plain = LinearWeights::from_int8(some_codes(2, 4).view(), some_scales(2)).memory_bytes();
  const auto divided =
      LinearWeights::from_int8(some_codes(2, 4).view(), some_scales(2), some_input(4, true, 0.0f)).memory_bytes();

  EXPECT_EQ(divided, plain + 16);
}

}  // namespace
}  // namespace pare::test
