// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

#include "kernels/core/contract.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/grid.hpp"

/// The grid of one group of weights: its scale and zero point from a range, and its nearest codes. Shared by whatever
/// quantizes weights.

namespace pare::kernels {

/// The range of `count` values widened to hold 0. NaN falls through the comparisons: values are checked before.
inline GroupRange range_of_group(const float* w, std::int64_t count) {
  GroupRange range;
  for (std::int64_t i = 0; i < count; ++i) {
    range.min = w[i] < range.min ? w[i] : range.min;
    range.max = w[i] > range.max ? w[i] : range.max;
  }
  return range;
}

/// The range of a whole matrix.
inline GroupRange range_of_tensor(MatrixView<const float> weight) {
  GroupRange range;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    const GroupRange row = range_of_group(weight.row(r), weight.cols);
    range = {std::min(range.min, row.min), std::max(range.max, row.max)};
  }
  return range;
}

/// In binary64, so that the width of a group cannot overflow before it is compared with what binary16 holds.
inline double exact_scale(const GroupRange& range, const Grid& grid) {
  const double levels = (1 << grid.bits) - 1;
  if (grid.symmetric) return std::max<double>(range.max, -double{range.min}) / (levels / 2.0);
  return (double{range.max} - double{range.min}) / levels;
}

/// The min-max grid of a range, as round_to_nearest.hpp defines it. A scale that is not 0 is never stored as 0.
inline GroupGrid min_max_grid(const GroupRange& range, const Grid& grid) {
  const double exact = exact_scale(range, grid);
  const auto middle = static_cast<std::uint8_t>(1 << (grid.bits - 1));
  if (exact == 0.0) return {{0}, grid.symmetric ? middle : std::uint8_t{0}};
  Float16 scale = to_float16(static_cast<float>(exact));
  if (scale.bits == 0) scale.bits = 1;
  if (grid.symmetric) return {scale, middle};
  const double zero = std::nearbyint(-double{range.min} / double{to_float(scale)});
  return {scale, static_cast<std::uint8_t>(std::clamp<double>(zero, 0.0, (1 << grid.bits) - 1))};
}

/// The same for a whole matrix. Throws InputError when the scale exceeds binary16.
inline GroupGrid min_max_tensor_grid(const GroupRange& range, const Grid& grid) {
  const GroupGrid group = min_max_grid(range, grid);
  VALIDATE(group.scale.bits < 0x7c00u, "the weights lie in [", range.min, ", ", range.max, "] and need a scale of ",
           exact_scale(range, grid), ", a binary16 scale is at most 65504");
  return group;
}

/// The same for the group that begins at (row, col). Throws InputError when the scale exceeds binary16.
inline GroupGrid min_max_grid(const GroupRange& range, const Grid& grid, std::int64_t row, std::int64_t col) {
  const GroupGrid group = min_max_grid(range, grid);
  VALIDATE(group.scale.bits < 0x7c00u, "the weights of row ", row, " from column ", col, " on lie in [", range.min,
           ", ", range.max, "] and need a scale of ", exact_scale(range, grid), ", a binary16 scale is at most 65504");
  return group;
}

/// The nearest codes of a group, half to even; codes of a group whose scale is 0 are its zero point.
inline void round_group(const float* w, std::int64_t count, const GroupGrid& group, int bits, std::uint8_t* codes) {
  const float scale = to_float(group.scale);
  const float lowest = -static_cast<float>(group.zero);
  const float highest = static_cast<float>((1 << bits) - 1) + lowest;
  if (scale == 0.0f) {
    std::fill_n(codes, count, group.zero);
    return;
  }
  constexpr float round_to_integer = 0x1.8p23f;  // adding it rounds half to even
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float ratio = w[i] / scale;
    const float clamped = ratio > highest ? highest : (ratio < lowest ? lowest : ratio);
    const float rounded = (clamped + round_to_integer) - round_to_integer;
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(rounded - lowest));
  }
}

/// The value of a code, as `expand` restores it.
inline float value_of(std::uint8_t code, const GroupGrid& group) {
  return to_float(group.scale) * static_cast<float>(code - group.zero);
}

/// Throws InputError that names the first weight of row r that is not finite.
inline void require_finite_row(MatrixView<const float> weight, std::int64_t r) {
  const float* row = weight.row(r);
  int bad = 0;
#pragma omp simd reduction(+ : bad)
  for (std::int64_t c = 0; c < weight.cols; ++c) {
    bad += (std::bit_cast<std::uint32_t>(row[c]) & 0x7f800000u) == 0x7f800000u;
  }
  if (bad == 0) return;
  const std::int64_t c = std::find_if(row, row + weight.cols, [](float w) { return !std::isfinite(w); }) - row;
  throw InputError(pare::detail::concatenate("the weight in row ", r, ", column ", c, " is ", row[c],
                                             " and cannot be quantized, weights must be finite"));
}

}  // namespace pare::kernels
