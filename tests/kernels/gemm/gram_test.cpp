// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/gram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

Matrix<float> zeros(std::int64_t side) {
  Matrix<float> matrix(side, side);
  std::fill_n(matrix.data(), matrix.size(), 0.0f);
  return matrix;
}

Matrix<float> gram(MatrixView<const float> x) {
  Matrix<float> sums = zeros(x.cols);
  add_gram(x, sums.view());
  return sums;
}

TEST(Gram, AddsByHandAndMirrorsTheUpperTriangle) {
  const float x[] = {1, 2, 3, 4};
  float sums[] = {100, 200, NAN, 300};  // the lower triangle is not read

  add_gram({x, 2, 2}, {sums, 2, 2});

  EXPECT_THAT(sums, testing::ElementsAre(110, 214, 214, 320));
}

TEST(Gram, AgreesWithSumsInDoublePrecisionOffEveryTile) {
  for (const std::int64_t inputs : {1, 7, 64, 256, 257, 520}) {
    for (const std::int64_t rows : {1, 33, 300}) {
      const Matrix<float> x = random_matrix(rows, inputs, 1);

      const Matrix<float> sums = gram(x.view());

      for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t j = 0; j < inputs; ++j) {
          double expected = 0.0;
          double magnitude = 0.0;
          for (std::int64_t t = 0; t < rows; ++t) expected += double{x.row(t)[i]} * x.row(t)[j];
          for (std::int64_t t = 0; t < rows; ++t) magnitude += std::abs(double{x.row(t)[i]} * x.row(t)[j]);
          ASSERT_NEAR(sums.row(i)[j], expected, static_cast<double>(rows + 1) * 0x1p-24 * magnitude) << i << " " << j;
          ASSERT_EQ(sums.row(i)[j], sums.row(j)[i]);
        }
      }
    }
  }
}

TEST(Gram, BitsDoNotDependOnThreads) {
  const Matrix<float> x = random_matrix(700, 600, 2);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return gram(x.view());
  };

  EXPECT_TRUE(same_bits(with(1).view(), with(2).view()));
  EXPECT_TRUE(same_bits(with(1).view(), with(5).view()));
}

TEST(Gram, ReadsAndWritesStridedMatricesAndNothingElse) {
  const Matrix<float> wide = random_matrix(40, 100, 3);
  const auto part = wide.view().cols_from(10, 30);
  Matrix<float> copy(40, 30);
  for (std::int64_t t = 0; t < 40; ++t) std::copy_n(part.row(t), 30, copy.row(t));
  Matrix<float> sums(30, 50);
  std::fill_n(sums.data(), sums.size(), 0.0f);

  add_gram(part, sums.view().cols_from(5, 30));

  EXPECT_TRUE(same_bits(sums.view().cols_from(5, 30), gram(copy.view()).view()));
  for (std::int64_t r = 0; r < 30; ++r) {
    EXPECT_TRUE(std::all_of(sums.row(r), sums.row(r) + 5, [](float s) { return s == 0.0f; }));
    EXPECT_TRUE(std::all_of(sums.row(r) + 35, sums.row(r) + 50, [](float s) { return s == 0.0f; }));
  }
}

TEST(Gram, OfNoRowsAddsNothing) {
  Matrix<float> sums = random_matrix(3, 3, 1);

  add_gram({nullptr, 0, 3}, sums.view());

  EXPECT_TRUE(same_bits(sums.view(), random_matrix(3, 3, 1).view()));
}

}  // namespace
}  // namespace pare::test
