// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/quantize/grid.hpp"

/// The grid of one group of weights: its scale and zero point from a range, and its nearest codes. Shared by whatever
/// quantizes weights.

namespace pare::kernels {

struct GroupGrid {
  Float16 scale;  ///< as stored; infinity when binary16 does not hold it
  std::uint8_t zero;
};

/// Holds 0 always.
struct GroupRange {
  float min = 0.0f;
  float max = 0.0f;
};

/// The range of `count` values widened to hold 0. NaN falls through the comparisons: values are checked before.
inline GroupRange range_of_group(const float* w, std::int64_t count) {
  GroupRange range;
  for (std::int64_t i = 0; i < count; ++i) {
    range.min = w[i] < range.min ? w[i] : range.min;
    range.max = w[i] > range.max ? w[i] : range.max;
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

}  // namespace pare::kernels
