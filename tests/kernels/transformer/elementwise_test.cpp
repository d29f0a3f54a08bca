// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/transformer/embedding.hpp"
#include "kernels/transformer/rms_norm.hpp"
#include "kernels/transformer/rope.hpp"
#include "kernels/transformer/swiglu.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(RmsNorm, NormalisesByHand) {
  const float x[] = {3.0f, 4.0f, 0.0f, 0.0f};
  const std::vector<float> weight{1.0f, 2.0f, 3.0f, 4.0f};
  float out[4];

  rms_norm({x, 1, 4}, weight, 0.0f, {out, 1, 4});  // the mean of the squares is 25 / 4

  EXPECT_THAT(out, testing::ElementsAre(testing::FloatEq(1.2f), testing::FloatEq(3.2f), 0.0f, 0.0f));
}

TEST(RmsNorm, AgreesWithBinary64InPlaceAndOnStridedRows) {
  for (const std::int64_t cols : {1, 15, 64, 77, 256, 300}) {
    const Matrix<float> x = random_matrix(9, cols + 3, 1);
    const Matrix<float> weight = random_matrix(1, cols, 2);
    Matrix<float> out = random_matrix(9, cols + 3, 1);

    rms_norm(out.view().cols_from(2, cols), {weight.data(), static_cast<std::size_t>(cols)}, 1e-5f,
             out.view().cols_from(2, cols));

    for (std::int64_t t = 0; t < 9; ++t) {
      const float* row = x.row(t) + 2;
      const double squares = std::inner_product(row, row + cols, row, 0.0);
      const double factor = 1.0 / std::sqrt(squares / static_cast<double>(cols) + 1e-5);
      EXPECT_EQ(out.row(t)[1], x.row(t)[1]);
      EXPECT_EQ(out.row(t)[cols + 2], x.row(t)[cols + 2]);
      for (std::int64_t c = 0; c < cols; ++c) {
        // The sum of squares rounds cols / 64 + 9 times, halved by the square root; five more roundings
        // follow: 2^-20 relative.
        const double expected = row[c] * factor * weight.data()[c];
        ASSERT_NEAR(out.row(t)[2 + c], expected, 0x1p-20 * std::abs(expected));
      }
    }
  }
}

TEST(RmsNorm, ARowOfZerosStaysZero) {
  const std::vector<float> zeros(32, 0.0f);
  const std::vector<float> weight(32, 2.0f);
  std::vector<float> out(32, NAN);

  rms_norm({zeros.data(), 1, 32}, weight, 1e-6f, {out.data(), 1, 32});

  EXPECT_THAT(out, testing::Each(0.0f));
}

TEST(Rope, RotatesPairsOfHalvesByHand) {
  // Frequencies of pi / 2: position 1 turns (a, b) into (-b, a), position 2 into (-a, -b).
  const std::vector<double> frequencies(2, std::acos(-1.0) / 2.0);
  const RopeTable table(frequencies, 3);
  std::vector<float> x{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  const std::vector<std::int32_t> positions{0, 1, 2};

  apply_rope(table, positions, 2, {x.data(), 3, 8});

  const std::vector<float> expected{1, 2, 3, 4, 5, 6, 7, 8, -3, -4, 1, 2, -7, -8, 5, 6, -1, -2, -3, -4, -5, -6, -7, -8};
  EXPECT_THAT(x, testing::Pointwise(testing::FloatNear(1e-6f), expected));
}

TEST(Rope, KeepsLengthsAndAgreesWithBinary64) {
  std::vector<double> frequencies(20);
  for (std::size_t i = 0; i < 20; ++i) frequencies[i] = std::pow(10000.0, -static_cast<double>(i) / 20.0);
  const RopeTable table(frequencies, 3000);
  const Matrix<float> x = random_matrix(5, 3 * 40, 1);
  Matrix<float> out = random_matrix(5, 3 * 40, 1);
  const std::vector<std::int32_t> positions{0, 17, 2999, 3, 1024};

  apply_rope(table, positions, 3, out.view());

  for (std::int64_t t = 0; t < 5; ++t) {
    for (std::int64_t h = 0; h < 3; ++h) {
      for (std::size_t i = 0; i < 20; ++i) {
        const double angle = positions[static_cast<std::size_t>(t)] * frequencies[i];
        const double a = x.row(t)[h * 40 + static_cast<std::int64_t>(i)];
        const double b = x.row(t)[h * 40 + 20 + static_cast<std::int64_t>(i)];
        const double bound = 0x1p-22 * (std::abs(a) + std::abs(b));  // two rounded factors, two products, one sum
        ASSERT_NEAR(out.row(t)[h * 40 + static_cast<std::int64_t>(i)], a * std::cos(angle) - b * std::sin(angle),
                    bound);
        ASSERT_NEAR(out.row(t)[h * 40 + 20 + static_cast<std::int64_t>(i)], b * std::cos(angle) + a * std::sin(angle),
                    bound);
      }
    }
  }
}

TEST(Swiglu, AgreesWithBinary64AtEveryLengthAndInPlace) {
  for (const std::int64_t cols : {1, 8, 16, 17, 172, 768}) {
    const Matrix<float> gate = random_matrix(5, cols, 1, 4.0f);
    const Matrix<float> up = random_matrix(5, cols, 2);
    Matrix<float> out = random_matrix(5, cols, 1, 4.0f);

    swiglu(out.view(), up.view(), out.view());

    for (std::int64_t i = 0; i < gate.size(); ++i) {
      const double x = gate.data()[i];
      const double expected = x / (1.0 + std::exp(-x)) * up.data()[i];
      // exp within 2 ulp, a sum, a division, a product: below 5 * 2^-23 relative.
      ASSERT_NEAR(out.data()[i], expected, 5 * 0x1p-23 * std::abs(expected)) << "x = " << x;
    }
  }
}

TEST(Swiglu, IsZeroFarBelowAndTheGateFarAbove) {
  const std::vector<float> gate{-1000.0f, -100.0f, 0.0f, 100.0f, 1e30f};
  const std::vector<float> up(5, 1.0f);
  std::vector<float> out(5, NAN);

  swiglu({gate.data(), 1, 5}, {up.data(), 1, 5}, {out.data(), 1, 5});

  EXPECT_THAT(out, testing::ElementsAre(0.0f, testing::FloatNear(0.0f, 1e-40f), 0.0f, 100.0f, 1e30f));
}

TEST(Embed, CopiesTheRowOfEachId) {
  const Matrix<float> table = random_matrix(10, 33, 1);
  const std::vector<std::uint32_t> ids{9, 0, 3, 3};
  Matrix<float> out = poisoned_matrix(4, 33);

  embed(table.view(), ids, out.view());

  for (std::int64_t t = 0; t < 4; ++t) {
    EXPECT_TRUE(same_bits(out.view().rows_from(t, 1), table.view().rows_from(ids[static_cast<std::size_t>(t)], 1)));
  }
}

TEST(Elementwise, RowsDependNeitherOnTheirPlaceNorOnThreads) {
  const Matrix<float> x = random_matrix(500, 172, 1);
  const Matrix<float> weight = random_matrix(1, 172, 2);
  const std::span<const float> weights{weight.data(), 172};
  Matrix<float> norm = poisoned_matrix(500, 172);
  Matrix<float> gated = poisoned_matrix(500, 172);
  {
    const WithThreads two(2);
    rms_norm(x.view(), weights, 1e-5f, norm.view());
    swiglu(x.view(), norm.view(), gated.view());
  }
  const WithThreads one(1);
  std::vector<float> out(175);  // an odd start shifts the alignment

  for (const std::int64_t t : {0, 1, 249, 250, 499}) {
    const MatrixView<float> shifted(out.data() + 3, 1, 172);
    rms_norm(x.view().rows_from(t, 1), weights, 1e-5f, shifted);
    EXPECT_TRUE(same_bits(shifted, norm.view().rows_from(t, 1)));
    swiglu(x.view().rows_from(t, 1), norm.view().rows_from(t, 1), shifted);
    EXPECT_TRUE(same_bits(shifted, gated.view().rows_from(t, 1)));
  }
}

}  // namespace
}  // namespace pare::test
