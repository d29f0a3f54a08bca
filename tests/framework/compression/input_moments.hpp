// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

/// Moments of calibration data, as plain loops in binary64.

namespace pare::test {

/// X^T X, rounded to binary32.
inline kernels::Matrix<float> hessian_of(const kernels::Matrix<float>& x) {
  kernels::Matrix<float> hessian(x.cols(), x.cols());
  for (std::int64_t i = 0; i < x.cols(); ++i) {
    for (std::int64_t j = 0; j < x.cols(); ++j) {
      double sum = 0.0;
      for (std::int64_t t = 0; t < x.rows(); ++t) sum += double{x.row(t)[i]} * x.row(t)[j];
      hessian.row(i)[j] = static_cast<float>(sum);
    }
  }
  return hessian;
}

inline std::vector<float> mean_magnitudes_of(const kernels::Matrix<float>& x) {
  std::vector<float> means;
  for (std::int64_t j = 0; j < x.cols(); ++j) {
    double sum = 0.0;
    for (std::int64_t t = 0; t < x.rows(); ++t) sum += std::abs(double{x.row(t)[j]});
    means.push_back(static_cast<float>(sum / static_cast<double>(x.rows())));
  }
  return means;
}

/// The sum of the squares of x * difference^T.
inline double squared_outputs(const kernels::Matrix<float>& x, const kernels::Matrix<float>& difference) {
  double total = 0.0;
  for (std::int64_t t = 0; t < x.rows(); ++t) {
    for (std::int64_t n = 0; n < difference.rows(); ++n) {
      double sum = 0.0;
      for (std::int64_t j = 0; j < x.cols(); ++j) sum += double{x.row(t)[j]} * difference.row(n)[j];
      total += sum * sum;
    }
  }
  return total;
}

}  // namespace pare::test
