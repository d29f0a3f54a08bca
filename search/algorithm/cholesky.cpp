// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/cholesky.hpp"

#include <cmath>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {

Cholesky::Cholesky(std::vector<double> matrix, std::size_t n) : factor_(std::move(matrix)), n_(n) {
  EXPECT(factor_.size() == n * n, factor_.size(), " values for ", n, " rows");
  for (std::size_t i = 0; i < n; ++i) {
    double* row = &factor_[i * n];
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = &factor_[j * n];
      double sum = row[j];
      for (std::size_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      if (j < i) {
        row[j] = sum / other[j];
      } else {
        EXPECT(sum > 0, "row ", i, " of a matrix that is not positive definite");
        row[i] = std::sqrt(sum);
      }
    }
  }
}

std::vector<double> Cholesky::solve(std::vector<double> b) const {
  for (std::size_t i = 0; i < n_; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= factor_[i * n_ + k] * b[k];
    b[i] /= factor_[i * n_ + i];
  }
  return solve_transposed(std::move(b));
}

std::vector<double> Cholesky::solve_transposed(std::vector<double> b) const {
  for (std::size_t i = n_; i-- > 0;) {
    b[i] /= factor_[i * n_ + i];
    for (std::size_t k = 0; k < i; ++k) b[k] -= factor_[i * n_ + k] * b[i];
  }
  return b;
}

}  // namespace pare::search
