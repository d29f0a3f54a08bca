// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "kernels/core/matrix.hpp"

/// Linear algebra as plain loops in binary64, and random Hessians: what the second-order methods are tested against.

namespace pare::test {

struct Square {
  std::int64_t n = 0;
  std::vector<double> values;

  explicit Square(std::int64_t size) : n(size), values(static_cast<std::size_t>(size * size)) {}
  double& operator()(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * n + j)]; }
  double operator()(std::int64_t i, std::int64_t j) const { return values[static_cast<std::size_t>(i * n + j)]; }
};

/// X^T X of 2 n correlated tokens whose channels differ in size by up to a factor of 20, as in language models.
inline kernels::Matrix<float> random_hessian(std::int64_t n, unsigned seed) {
  const std::int64_t tokens = 2 * n;
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> exponent(-1.5, 1.5);
  std::vector<double> size(static_cast<std::size_t>(n));
  for (double& s : size) s = std::exp(exponent(generator));
  std::vector<double> sum(static_cast<std::size_t>(n * n));
  std::vector<double> x(static_cast<std::size_t>(n));
  for (std::int64_t t = 0; t < tokens; ++t) {
    const double shared = normal(generator);
    for (std::size_t j = 0; j < x.size(); ++j) x[j] = size[j] * (normal(generator) + shared);
    for (std::size_t i = 0; i < x.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) sum[i * x.size() + j] += x[i] * x[j];
    }
  }
  kernels::Matrix<float> hessian(n, n);
  for (std::int64_t i = 0; i < n * n; ++i) hessian.data()[i] = static_cast<float>(sum[static_cast<std::size_t>(i)]);
  return hessian;
}

/// H + damping * mean(diag) * I, for a Hessian without dead inputs.
inline Square damped(const kernels::Matrix<float>& hessian, double damping) {
  Square a(hessian.rows());
  double mean = 0;
  for (std::int64_t i = 0; i < a.n; ++i) mean += double{hessian.row(i)[i]} / static_cast<double>(a.n);
  for (std::int64_t i = 0; i < a.n; ++i) {
    for (std::int64_t j = 0; j < a.n; ++j) a(i, j) = double{hessian.row(i)[j]} + (i == j ? damping * mean : 0.0);
  }
  return a;
}

/// Gauss and Jordan's elimination without pivoting: fine for positive definite matrices.
inline Square plain_inverse(Square a) {
  Square inverse(a.n);
  for (std::int64_t i = 0; i < a.n; ++i) inverse(i, i) = 1.0;
  for (std::int64_t p = 0; p < a.n; ++p) {
    const double pivot = a(p, p);
    for (std::int64_t j = 0; j < a.n; ++j) {
      a(p, j) /= pivot;
      inverse(p, j) /= pivot;
    }
    for (std::int64_t i = 0; i < a.n; ++i) {
      const double factor = a(i, p);
      if (i == p || factor == 0.0) continue;
      for (std::int64_t j = 0; j < a.n; ++j) {
        a(i, j) -= factor * a(p, j);
        inverse(i, j) -= factor * inverse(p, j);
      }
    }
  }
  return inverse;
}

/// U upper triangular with U^T U = a: the textbook loop, row by row.
inline Square plain_upper_cholesky(const Square& a) {
  Square u(a.n);
  for (std::int64_t i = 0; i < a.n; ++i) {
    for (std::int64_t j = i; j < a.n; ++j) {
      double rest = a(i, j);
      for (std::int64_t k = 0; k < i; ++k) rest -= u(k, i) * u(k, j);
      u(i, j) = i == j ? std::sqrt(rest) : rest / u(i, i);
    }
  }
  return u;
}

/// tr(D H D^T): the squared error of the layer's outputs over the calibration data when its weights change by D.
inline double output_error(kernels::MatrixView<const float> weight, kernels::MatrixView<const float> changed,
                           kernels::MatrixView<const float> hessian) {
  double total = 0;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t i = 0; i < weight.cols; ++i) {
      const double left = double{changed.row(r)[i]} - double{weight.row(r)[i]};
      for (std::int64_t j = 0; j < weight.cols; ++j) {
        total += left * double{hessian.row(i)[j]} * (double{changed.row(r)[j]} - double{weight.row(r)[j]});
      }
    }
  }
  return total;
}

}  // namespace pare::test
