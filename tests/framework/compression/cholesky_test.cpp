// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/cholesky.hpp"

#include <gtest/gtest.h>

#include "tests/framework/compression/plain_algebra.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Matrix;

Matrix<double> copy(const Square& a) {
  Matrix<double> matrix(a.n, a.n);
  std::copy(a.values.begin(), a.values.end(), matrix.data());
  return matrix;
}

// 1 and 5: less than a tile; 128: one; 129 and 300: tiles that are not full.
class CholeskySizes : public testing::TestWithParam<std::int64_t> {};

TEST_P(CholeskySizes, ProductOfTheFactorsIsTheMatrix) {
  const Square a = damped(random_hessian(GetParam(), 7), 0.01);
  Matrix<double> lower = copy(a);

  ASSERT_TRUE(factor_cholesky(lower.view()));

  for (std::int64_t i = 0; i < a.n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double product = 0;
      for (std::int64_t k = 0; k <= j; ++k) product += lower.row(i)[k] * lower.row(j)[k];
      // Backward error of a Cholesky factorization: (n + 1) eps sqrt(a_ii a_jj) (Higham, Accuracy and Stability of
      // Numerical Algorithms, theorem 10.3), doubled for the product here.
      const double bound = 2.0 * static_cast<double>(a.n + 1) * 0x1p-53 * std::sqrt(a(i, i) * a(j, j));
      ASSERT_NEAR(product, a(i, j), bound) << i << ", " << j;
    }
    for (std::int64_t j = i + 1; j < a.n; ++j) ASSERT_EQ(lower.row(i)[j], a(i, j)) << "changed what lies above";
  }
}

TEST_P(CholeskySizes, InverseTimesFactorIsTheIdentity) {
  Matrix<double> lower = copy(damped(random_hessian(GetParam(), 7), 0.01));
  ASSERT_TRUE(factor_cholesky(lower.view()));
  Matrix<double> inverse(GetParam(), GetParam());
  std::fill_n(inverse.data(), inverse.size(), std::nan(""));

  invert_lower(lower.view(), inverse.view());

  for (std::int64_t i = 0; i < GetParam(); ++i) {
    for (std::int64_t j = 0; j < GetParam(); ++j) {
      double product = 0;
      double magnitude = 0;
      for (std::int64_t k = 0; k <= i; ++k) {
        product += lower.row(i)[k] * inverse.row(k)[j];
        magnitude += std::abs(lower.row(i)[k] * inverse.row(k)[j]);
      }
      // |L X - I| <= n eps |L| |X| for columns solved by substitution (Higham, section 14.2), doubled as above.
      ASSERT_NEAR(product, i == j ? 1.0 : 0.0, 2.0 * static_cast<double>(GetParam()) * 0x1p-53 * magnitude + 1e-300)
          << i << ", " << j;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, CholeskySizes, testing::Values(1, 5, 128, 129, 300));

TEST(Cholesky, RefusesAMatrixThatIsNotPositiveDefinite) {
  double indefinite[] = {1.0, 0.0, 2.0, 1.0};
  double zero[] = {0.0};

  EXPECT_FALSE(factor_cholesky({indefinite, 2, 2}));
  EXPECT_FALSE(factor_cholesky({zero, 1, 1}));

  Square late = damped(random_hessian(200, 3), 0.01);  // fails in the second tile
  late(190, 190) = -1.0;
  Matrix<double> lower = copy(late);
  EXPECT_FALSE(factor_cholesky(lower.view()));
}

TEST(Cholesky, SolvesFromTheRightByHand) {
  // L = [2 0; 1 1], L L^T = [4 2; 2 2]; (1, 2) [4 2; 2 2] = (8, 6).
  const double lower[] = {2.0, 99.0, 1.0, 1.0};
  double b[] = {8.0, 6.0};

  solve_from_right({lower, 2, 2}, {b, 1, 2});

  EXPECT_DOUBLE_EQ(b[0], 1.0);
  EXPECT_DOUBLE_EQ(b[1], 2.0);
}

}  // namespace
}  // namespace pare::test
