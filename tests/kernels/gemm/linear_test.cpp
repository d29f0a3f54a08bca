// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/linear.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/core/dtype.hpp"
#include "kernels/quantize/quantize_tokens.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

Matrix<float> round_to_bf16(const Matrix<float>& x) {
  Matrix<float> rounded(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.size(); ++i) rounded.data()[i] = to_float(to_bfloat16(x.data()[i]));
  return rounded;
}

/// The sum over k of |x_k w_k| of one output, which every bound on the error of a sum contains.
float sum_of_magnitudes(const float* x, const float* w, std::int64_t count) {
  float sum = 0.0f;
  for (std::int64_t k = 0; k < count; ++k) sum += std::abs(x[k] * w[k]);
  return sum;
}

/// |error| <= (count + 2) u sum|x w| + u |bias + start| for binary32 sums in any order, u = 2^-24 (Higham,
/// Accuracy and Stability, section 3.1); u is doubled to cover the reference's own rounding.
void expect_close(const Matrix<float>& out, const Matrix<float>& expected, const Matrix<float>& x,
                  const Matrix<float>& w) {
  for (std::int64_t t = 0; t < out.rows(); ++t) {
    for (std::int64_t n = 0; n < out.cols(); ++n) {
      const float bound =
          0x1p-23f * (static_cast<float>(x.cols() + 2) * sum_of_magnitudes(x.row(t), w.row(n), x.cols()) + 8.0f);
      ASSERT_NEAR(out.row(t)[n], expected.row(t)[n], bound) << "row " << t << ", output " << n;
    }
  }
}

TEST(LinearReference, MultipliesByHand) {
  const float x[] = {1, 2, 3, 4};
  const float weight[] = {1, 0, 0, 1, 1, -1};
  const float bias[] = {10, 20, 30};
  float out[] = {100, 100, 100, 100, 100, 100};

  linear_reference({x, 2, 2}, {weight, 3, 2}, bias, {out, 2, 3}, true);

  EXPECT_THAT(out, testing::ElementsAre(111, 122, 129, 113, 124, 129));
}

struct Case {
  std::int64_t rows, outputs, inputs;
};

class LinearShapes : public testing::TestWithParam<Case> {};

TEST_P(LinearShapes, Float32AndBfloat16AgreeWithTheReference) {
  const auto [rows, outputs, inputs] = GetParam();
  const Matrix<float> x = random_matrix(rows, inputs, 1);
  const Matrix<float> weight = random_matrix(outputs, inputs, 2);
  const Matrix<float> bias = random_matrix(1, outputs, 3);
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    const bool rounds = precision == Precision::bf16;
    const Matrix<float> x_used = rounds ? round_to_bf16(x) : random_matrix(rows, inputs, 1);
    const Matrix<float> w_used = rounds ? round_to_bf16(weight) : random_matrix(outputs, inputs, 2);
    for (const bool accumulate : {false, true}) {
      Matrix<float> out = accumulate ? random_matrix(rows, outputs, 4) : poisoned_matrix(rows, outputs);
      Matrix<float> expected = accumulate ? random_matrix(rows, outputs, 4) : poisoned_matrix(rows, outputs);
      const std::span<const float> biases{bias.data(), accumulate ? 0 : static_cast<std::size_t>(outputs)};

      LinearWeights::from_float(weight.view(), precision).apply(x.view(), biases, out.view(), accumulate);

      linear_reference(x_used.view(), w_used.view(), biases, expected.view(), accumulate);
      expect_close(out, expected, x_used, w_used);
    }
  }
}

TEST_P(LinearShapes, Int8AgreesWithIntegerSums) {
  const auto [rows, outputs, inputs] = GetParam();
  const Matrix<float> x = random_matrix(rows, inputs, 1);
  const Matrix<float> bias = random_matrix(1, outputs, 3);
  Matrix<std::int8_t> codes(outputs, inputs);
  for (std::int64_t i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::int8_t>(i * 37 % 256 - 128);
  std::vector<float> scales(static_cast<std::size_t>(outputs));
  for (std::size_t n = 0; n < scales.size(); ++n) scales[n] = 0.01f * static_cast<float>(n % 7 + 1);
  Matrix<float> out = poisoned_matrix(rows, outputs);

  LinearWeights::from_int8(codes.view(), scales)
      .apply(x.view(), {bias.data(), static_cast<std::size_t>(outputs)}, out.view(), false);

  Matrix<std::int8_t> x_codes(rows, inputs);
  std::vector<float> x_scales(static_cast<std::size_t>(rows));
  quantize_tokens_int8(x.view(), x_codes.view(), x_scales);
  for (std::int64_t t = 0; t < rows; ++t) {
    for (std::int64_t n = 0; n < outputs; ++n) {
      std::int64_t sum = 0;
      for (std::int64_t k = 0; k < inputs; ++k) sum += std::int64_t{x_codes.row(t)[k]} * codes.row(n)[k];
      const double scale = double{x_scales[static_cast<std::size_t>(t)]} * scales[static_cast<std::size_t>(n)];
      const double product = static_cast<double>(sum) * scale;
      // Four roundings of a relative 2^-24 each: the sum, the product of the scales, their product, the
      // addition.
      ASSERT_NEAR(out.row(t)[n], product + bias.data()[n], 0x1p-22 * (std::abs(product) + std::abs(bias.data()[n])));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OffEveryTile, LinearShapes,
                         testing::Values(Case{1, 1, 1}, Case{3, 5, 7}, Case{17, 172, 64}, Case{33, 64, 172},
                                         Case{257, 100, 33}, Case{300, 65, 129}, Case{64, 33, 2049}));

TEST(LinearWeights, ReadsAndWritesStridedRowsAndNothingElse) {
  const Matrix<float> x = random_matrix(20, 50, 1);
  const Matrix<float> weight = random_matrix(24, 30, 2);
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    const LinearWeights linear = LinearWeights::from_float(weight.view(), precision);
    Matrix<float> packed_x(20, 30);
    for (std::int64_t t = 0; t < 20; ++t) std::copy_n(x.row(t) + 10, 30, packed_x.row(t));
    Matrix<float> expected = poisoned_matrix(20, 24);
    linear.apply(packed_x.view(), {}, expected.view(), false);
    Matrix<float> wide(20, 40);
    std::fill_n(wide.data(), wide.size(), 7.0f);

    linear.apply(x.view().cols_from(10, 30), {}, wide.view().cols_from(8, 24), false);

    EXPECT_TRUE(same_bits(expected.view(), wide.view().cols_from(8, 24)));
    for (std::int64_t t = 0; t < 20; ++t) {
      EXPECT_TRUE(std::all_of(wide.row(t), wide.row(t) + 8, [](float y) { return y == 7.0f; }));
      EXPECT_TRUE(std::all_of(wide.row(t) + 32, wide.row(t) + 40, [](float y) { return y == 7.0f; }));
    }
  }
}

TEST(LinearWeights, CopiesStridedWeights) {
  const Matrix<float> wide = random_matrix(24, 50, 1);
  const Matrix<float> x = random_matrix(9, 30, 2);
  Matrix<float> weight(24, 30);
  for (std::int64_t n = 0; n < 24; ++n) std::copy_n(wide.row(n) + 5, 30, weight.row(n));
  Matrix<float> out = poisoned_matrix(9, 24);
  Matrix<float> expected = poisoned_matrix(9, 24);

  LinearWeights::from_float(wide.view().cols_from(5, 30), Precision::f32).apply(x.view(), {}, out.view(), false);

  LinearWeights::from_float(weight.view(), Precision::f32).apply(x.view(), {}, expected.view(), false);
  EXPECT_TRUE(same_bits(out.view(), expected.view()));
}

TEST(LinearWeights, NanInARowOfXStaysInThatRow) {
  const Matrix<float> weight = random_matrix(8, 16, 1);
  for (const Precision precision : {Precision::f32, Precision::bf16, Precision::int8}) {
    Matrix<float> x = random_matrix(3, 16, 2);
    x.row(1)[5] = std::numeric_limits<float>::quiet_NaN();
    const Matrix<std::int8_t> codes = [] {
      Matrix<std::int8_t> ones(8, 16);
      std::fill_n(ones.data(), ones.size(), std::int8_t{1});
      return ones;
    }();
    const LinearWeights linear = precision == Precision::int8
                                     ? LinearWeights::from_int8(codes.view(), std::vector<float>(8, 1.0f))
                                     : LinearWeights::from_float(weight.view(), precision);
    Matrix<float> out = poisoned_matrix(3, 8);

    linear.apply(x.view(), {}, out.view(), false);

    for (std::int64_t n = 0; n < 8; ++n) {
      EXPECT_TRUE(std::isfinite(out.row(0)[n]));
      EXPECT_TRUE(std::isnan(out.row(1)[n]));
      EXPECT_TRUE(std::isfinite(out.row(2)[n]));
    }
  }
}

TEST(LinearWeights, RefusesInt8SumsThatMayOverflow) {
  const Matrix<std::int8_t> codes(1, 65537);

  EXPECT_THAT([&] { LinearWeights::from_int8(codes.view(), std::vector<float>(1, 1.0f)); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("65537 inputs may overflow")));
}

TEST(LinearWeights, KnowsItsShapeAndMemory) {
  const LinearWeights f32 = LinearWeights::from_float(random_matrix(64, 32, 1).view(), Precision::f32);
  const LinearWeights bf16 = LinearWeights::from_float(random_matrix(64, 32, 1).view(), Precision::bf16);

  EXPECT_EQ(f32.outputs(), 64);
  EXPECT_EQ(f32.inputs(), 32);
  EXPECT_GE(f32.memory_bytes(), 64 * 32 * 4);
  EXPECT_GE(bf16.memory_bytes(), 64 * 32 * 2);
  EXPECT_EQ(LinearWeights().memory_bytes(), 0);
}

}  // namespace
}  // namespace pare::test
