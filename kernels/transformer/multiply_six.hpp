// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/lanes.hpp"

namespace pare::kernels::detail {

inline constexpr std::int64_t strip_rows = 6;
inline constexpr std::int64_t strip_columns = 64;

/// c[6, 16 * vectors] = a[6, depth] * b[depth, 16 * vectors] (+ c), all row-major. The 6 x 4 sums, four
/// columns of b and one value of a fill the 32 registers of AVX-512. Every sum adds its products in the order
/// of `depth`.
template <int vectors>
void multiply_six_by(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride, std::int64_t depth,
                     float* c, std::int64_t c_stride, bool accumulate) {
  Lanes sums[strip_rows][vectors] = {};
  if (accumulate) {
#pragma GCC unroll 6
    for (int i = 0; i < strip_rows; ++i) {
#pragma GCC unroll 4
      for (int j = 0; j < vectors; ++j) sums[i][j] = load(c + i * c_stride + j * lane_count);
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Lanes columns[vectors];
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) columns[j] = load(b + k * b_stride + j * lane_count);
#pragma GCC unroll 6
    for (int i = 0; i < strip_rows; ++i) {
      const Lanes value = splat(a[i * a_stride + k]);
#pragma GCC unroll 4
      for (int j = 0; j < vectors; ++j) sums[i][j] += value * columns[j];
    }
  }
#pragma GCC unroll 6
  for (int i = 0; i < strip_rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < vectors; ++j) store(c + i * c_stride + j * lane_count, sums[i][j]);
  }
}

/// The same for any number of columns up to 64, rounded up to whole vectors: b and c must have room for
/// those.
inline void multiply_six(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride,
                         std::int64_t depth, std::int64_t columns, float* c, std::int64_t c_stride, bool accumulate) {
  switch ((columns + lane_count - 1) / lane_count) {
    case 1:
      return multiply_six_by<1>(a, a_stride, b, b_stride, depth, c, c_stride, accumulate);
    case 2:
      return multiply_six_by<2>(a, a_stride, b, b_stride, depth, c, c_stride, accumulate);
    case 3:
      return multiply_six_by<3>(a, a_stride, b, b_stride, depth, c, c_stride, accumulate);
    default:
      return multiply_six_by<4>(a, a_stride, b, b_stride, depth, c, c_stride, accumulate);
  }
}

}  // namespace pare::kernels::detail
