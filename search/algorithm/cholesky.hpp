// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

namespace pare::search {

/// Factor L of a symmetric positive definite matrix A = L L^T, given row by row (the lower triangle is read), with the
/// two solves that linear models need. One thread: the same input gives the same bits. O(n^3 / 6).
class Cholesky {
 public:
  /// EXPECTs n x n values and a positive definite matrix.
  Cholesky(std::vector<double> matrix, std::size_t n);

  /// x with A x = b.
  std::vector<double> solve(std::vector<double> b) const;
  /// x with L^T x = b: from standard normal b, a draw with covariance A^-1.
  std::vector<double> solve_transposed(std::vector<double> b) const;

 private:
  std::vector<double> factor_;
  std::size_t n_;
};

}  // namespace pare::search
