// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/rope.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/parallel.hpp"

namespace pare::kernels {

RopeTable::RopeTable(std::span<const double> inverse_frequencies, std::int64_t positions)
    : cosines_(positions, static_cast<std::int64_t>(inverse_frequencies.size())),
      sines_(positions, static_cast<std::int64_t>(inverse_frequencies.size())) {
  for (std::int64_t position = 0; position < positions; ++position) {
    for (std::int64_t i = 0; i < half(); ++i) {
      const double angle = static_cast<double>(position) * inverse_frequencies[static_cast<std::size_t>(i)];
      cosines_.row(position)[i] = static_cast<float>(std::cos(angle));
      sines_.row(position)[i] = static_cast<float>(std::sin(angle));
    }
  }
}

void apply_rope(const RopeTable& table, std::span<const std::int32_t> positions, std::int64_t heads,
                MatrixView<float> x) {
  const std::int64_t half = table.half();
  EXPECT(x.cols == heads * 2 * half, x.cols, " columns for ", heads, " heads of ", 2 * half);
  EXPECT(static_cast<std::int64_t>(positions.size()) == x.rows, positions.size(), " positions for ", x.rows, " tokens");
  EXPECT(
      std::all_of(positions.begin(), positions.end(), [&](std::int32_t p) { return p >= 0 && p < table.positions(); }),
      "a position is not in [0, ", table.positions(), ")");
  constexpr std::int64_t tokens_per_part = 16;
  parallel_for(x.rows, tokens_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const float* cosines = table.cosines(positions[static_cast<std::size_t>(t)]);
      const float* sines = table.sines(positions[static_cast<std::size_t>(t)]);
      for (std::int64_t h = 0; h < heads; ++h) {
        float* first = x.row(t) + h * 2 * half;
        float* second = first + half;
#pragma omp simd
        for (std::int64_t i = 0; i < half; ++i) {
          const float a = first[i];
          const float b = second[i];
          first[i] = a * cosines[i] - b * sines[i];
          second[i] = b * cosines[i] + a * sines[i];
        }
      }
    }
  });
}

}  // namespace pare::kernels
