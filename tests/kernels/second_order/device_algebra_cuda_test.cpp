// SPDX-License-Identifier: Apache-2.0
#include "kernels/second_order/device_algebra.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/second_order/rearrange.hpp"
#include "kernels/second_order/row_dots.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

class DeviceAlgebraCuda : public CudaTest {};

Matrix<double> random_doubles(std::int64_t rows, std::int64_t cols, unsigned seed) {
  const Matrix<float> x = random_matrix(rows, cols, seed);
  Matrix<double> wide(rows, cols);
  for (std::int64_t i = 0; i < x.size(); ++i) wide.data()[i] = x.data()[i];
  return wide;
}

TEST_F(DeviceAlgebraCuda, FactorsAndInverts) {
  constexpr std::int64_t n = 150;
  const Matrix<double> x = random_doubles(2 * n, n, 1);
  Matrix<double> a(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      a.row(i)[j] = i == j ? 1.0 : 0.0;
      for (std::int64_t t = 0; t < 2 * n; ++t) a.row(i)[j] += x.row(t)[i] * x.row(t)[j];
    }
  }
  DeviceAlgebra algebra(stream());
  auto there = on_device(a.view(), stream());

  ASSERT_TRUE(algebra.factor_cholesky(there.view()));

  const Matrix<double> lower = on_host(there, stream());
  algebra.invert_lower(there.view());
  DeviceMatrix<double> turned(n, n);
  reverse_lower(there.view(), turned.view(), stream());
  const Matrix<double> inverse = on_host(there, stream()), upper = on_host(turned, stream());
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double product = 0, identity = 0;
      for (std::int64_t k = 0; k <= j; ++k) product += lower.row(i)[k] * lower.row(j)[k];
      for (std::int64_t k = j; k <= i; ++k) identity += lower.row(i)[k] * inverse.row(k)[j];
      // n 2^-53 times entries of up to some hundred, or the condition of L.
      ASSERT_NEAR(product, a.row(i)[j], 1e-10) << i << ", " << j;
      ASSERT_NEAR(identity, i == j ? 1.0 : 0.0, 1e-11) << i << ", " << j;
      ASSERT_EQ(upper.row(n - 1 - i)[n - 1 - j], inverse.row(i)[j]);
      if (i != j) {
        ASSERT_EQ(upper.row(n - 1 - j)[n - 1 - i], 0.0);
      }
    }
  }
}

TEST_F(DeviceAlgebraCuda, SaysThatAPivotIsNotPositive) {
  const double a[] = {1, 2, 2, 1};
  DeviceAlgebra algebra(stream());
  auto there = on_device(MatrixView<const double>(a, 2, 2), stream());

  EXPECT_FALSE(algebra.factor_cholesky(there.view()));
}

TEST_F(DeviceAlgebraCuda, SubtractsProductsOfParts) {
  const Matrix<double> a = random_doubles(33, 20, 1), b = random_doubles(40, 70, 2), c = random_doubles(33, 70, 3);
  const auto there_a = on_device(a.view(), stream()), there_b = on_device(b.view(), stream());
  auto there_c = on_device(c.view(), stream());

  DeviceAlgebra(stream()).subtract_product(there_a.view().cols_from(3, 9),
                                           there_b.view().rows_from(5, 9).cols_from(11, 50),
                                           there_c.view().cols_from(7, 50));

  const Matrix<double> read = on_host(there_c, stream());
  for (std::int64_t i = 0; i < 33; ++i) {
    for (std::int64_t j = 0; j < 70; ++j) {
      double expected = c.row(i)[j];
      for (std::int64_t k = 0; k < 9 && j >= 7 && j < 57; ++k) expected -= a.row(i)[3 + k] * b.row(5 + k)[j + 4];
      ASSERT_NEAR(read.row(i)[j], expected, 1e-13) << i << ", " << j;
    }
  }
}

TEST_F(DeviceAlgebraCuda, MultipliesAndDotsRowsOfParts) {
  constexpr std::int64_t rows = 37, depth = 90, cols = 75;
  const Matrix<float> a = random_matrix(rows, depth + 3, 4), b = random_matrix(depth, cols, 5);
  const Matrix<float> other = random_matrix(rows, cols + 2, 6);
  const auto there_a = on_device(a.view(), stream()), there_b = on_device(b.view(), stream());
  const auto there_other = on_device(other.view(), stream());
  DeviceMatrix<float> there_c(rows, cols);
  DeviceMatrix<double> there_dots(1, rows);

  DeviceAlgebra(stream()).multiply(there_a.view().cols_from(3, depth), there_b.view(), there_c.view());
  dot_rows(there_c.view(), there_other.view().cols_from(2, cols), there_dots.view(), stream());

  const Matrix<float> c = on_host(there_c, stream());
  const Matrix<double> dots = on_host(there_dots, stream());
  for (std::int64_t i = 0; i < rows; ++i) {
    double dot = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      double product = 0, magnitude = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        product += double{a.row(i)[3 + k]} * b.row(k)[j];
        magnitude += std::abs(double{a.row(i)[3 + k]} * b.row(k)[j]);
      }
      ASSERT_NEAR(c.row(i)[j], product, depth * 0x1p-24 * magnitude) << i << ", " << j;
      dot += double{c.row(i)[j]} * other.row(i)[2 + j];
    }
    ASSERT_NEAR(dots.data()[i], dot, 1e-11) << i;  // cols 2^-53 times a sum of magnitudes of some hundred
  }
}

TEST_F(DeviceAlgebraCuda, GathersAndDamps) {
  Matrix<float> hessian = random_matrix(5, 5, 2);
  hessian.row(3)[3] = 0.0f;
  const std::int64_t order[] = {4, 2, 0, 3, 1};
  const auto there = on_device(hessian.view(), stream());
  const auto columns = on_device(std::span<const std::int64_t>(order), stream());
  DeviceMatrix<double> damped(5, 5), permuted(5, 5);

  gather_damped(there.view(), columns.view(), 0.25, damped.view(), stream());
  gather_columns(there.view(), columns.view(), permuted.view(), stream());

  const Matrix<double> read = on_host(damped, stream()), read_permuted = on_host(permuted, stream());
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < 5; ++j) {
      const double below = hessian.row(std::max(order[i], order[j]))[std::min(order[i], order[j])];
      ASSERT_EQ(read.row(i)[j], i != j ? below : (order[i] == 3 ? 1.25 : below + 0.25));
      ASSERT_EQ(read_permuted.row(i)[j], hessian.row(i)[order[j]]);
    }
  }
}

}  // namespace
}  // namespace pare::test
