// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "kernels/core/contract.hpp"
#include "kernels/core/dtype.hpp"
#include "tests/kernels/random_matrix.hpp"

/// Matrices of float or of BFloat16, whichever the output of a GEMM is.

namespace pare::test {

inline float plain_value(float x) {
  return x;
}

inline float plain_value(kernels::BFloat16 x) {
  return kernels::to_float(x);
}

inline void round_plainly(float x, float& out) {
  out = x;
}

inline void round_plainly(float x, kernels::BFloat16& out) {
  out = kernels::to_bfloat16(x);
}

template <class T>
kernels::Matrix<T> random_values(std::int64_t rows, std::int64_t cols, unsigned seed) {
  const kernels::Matrix<float> from = random_matrix(rows, cols, seed);
  kernels::Matrix<T> matrix(rows, cols);
  for (std::int64_t i = 0; i < from.size(); ++i) round_plainly(from.data()[i], matrix.data()[i]);
  return matrix;
}

/// "" when the bits of both are the same, else where they differ first and how often.
template <class T>
std::string difference(const kernels::Matrix<T>& got, const kernels::Matrix<T>& expected) {
  std::int64_t count = 0;
  std::string first;
  for (std::int64_t r = 0; r < expected.rows(); ++r) {
    for (std::int64_t c = 0; c < expected.cols(); ++c) {
      if (std::memcmp(got.row(r) + c, expected.row(r) + c, sizeof(T)) == 0) continue;
      if (count++ == 0) {
        first = pare::detail::concatenate("row ", r, ", column ", c, " is ", plain_value(got.row(r)[c]), ", not ",
                                          plain_value(expected.row(r)[c]));
      }
    }
  }
  return count == 0 ? "" : pare::detail::concatenate(count, " of ", expected.size(), " differ: ", first);
}

}  // namespace pare::test
