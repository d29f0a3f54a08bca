// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/rms_norm.hpp"

#include <cmath>

#include "kernels/core/lanes.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::kernels {
namespace {

/// Sixteen times four partial sums in binary32, added in a fixed order.
float sum_of_squares(const float* x, std::int64_t count) {
  Lanes partial[4] = {};
  std::int64_t i = 0;
  for (; i + 4 * lane_count <= count; i += 4 * lane_count) {
    for (int j = 0; j < 4; ++j) {
      const Lanes values = load(x + i + j * lane_count);
      partial[j] += values * values;
    }
  }
  for (; i < count; i += lane_count) {
    const Lanes values = load_some(x + i, count - i);
    partial[0] += values * values;
  }
  return sum((partial[0] + partial[1]) + (partial[2] + partial[3]));
}

}  // namespace

void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> out) {
  EXPECT(out.rows == x.rows && out.cols == x.cols, out.rows, " x ", out.cols, " for ", x.rows, " x ", x.cols);
  EXPECT(static_cast<std::int64_t>(weight.size()) == x.cols, weight.size(), " weights for ", x.cols, " columns");
  constexpr std::int64_t tokens_per_part = 16;
  parallel_for(x.rows, tokens_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* row = x.row(t);
      float* y = out.row(t);
      const float mean = sum_of_squares(row, x.cols) / static_cast<float>(x.cols);
      const float factor = 1.0f / std::sqrt(mean + epsilon);
      const float* w = weight.data();
#pragma omp simd
      for (std::int64_t c = 0; c < x.cols; ++c) y[c] = row[c] * factor * w[c];
    }
  });
}

}  // namespace pare::kernels
