// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"

/// Data for the tests of the kernels.

namespace pare::test {

/// Normal values; the same for the same seed.
inline kernels::Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, unsigned seed,
                                            float deviation = 1.0f) {
  kernels::Matrix<float> matrix(rows, cols);
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, deviation);
  std::generate_n(matrix.data(), matrix.size(), [&] { return normal(generator); });
  return matrix;
}

/// What a kernel must overwrite is NaN before.
inline kernels::Matrix<float> poisoned_matrix(std::int64_t rows, std::int64_t cols) {
  kernels::Matrix<float> matrix(rows, cols);
  std::fill_n(matrix.data(), matrix.size(), std::numeric_limits<float>::quiet_NaN());
  return matrix;
}

inline bool same_bits(kernels::MatrixView<const float> a, kernels::MatrixView<const float> b) {
  if (a.rows != b.rows || a.cols != b.cols) return false;
  for (std::int64_t r = 0; r < a.rows; ++r) {
    if (std::memcmp(a.row(r), b.row(r), static_cast<std::size_t>(a.cols) * sizeof(float)) != 0) return false;
  }
  return true;
}

/// Sets the number of threads, and back to what it was at the end of the scope.
class WithThreads {
 public:
  explicit WithThreads(int threads) : before_(omp_get_max_threads()) { kernels::set_kernel_threads(threads); }
  ~WithThreads() { kernels::set_kernel_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

}  // namespace pare::test
