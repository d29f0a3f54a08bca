// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/round_to_nearest.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/core/parallel.hpp"
#include "kernels/quantize/codes.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 4;

struct GroupGrid {
  Float16 scale;
  std::uint8_t zero;
};

struct Range {
  float min = 0.0f;
  float max = 0.0f;
};

/// The range of a group widened to hold 0. NaN falls through the comparisons: values are checked before.
Range range_of(const float* w, std::int64_t count) {
  Range range;
  for (std::int64_t i = 0; i < count; ++i) {
    range.min = w[i] < range.min ? w[i] : range.min;
    range.max = w[i] > range.max ? w[i] : range.max;
  }
  return range;
}

/// In binary64, so that the width of a group cannot overflow before it is compared with what binary16 holds.
double exact_scale(const Range& range, const Grid& grid) {
  const double levels = (1 << grid.bits) - 1;
  if (grid.symmetric) return std::max<double>(range.max, -double{range.min}) / (levels / 2.0);
  return (double{range.max} - double{range.min}) / levels;
}

GroupGrid grid_of(const Range& range, const Grid& grid) {
  const double exact = exact_scale(range, grid);
  const auto middle = static_cast<std::uint8_t>(1 << (grid.bits - 1));
  if (exact == 0.0) return {{0}, grid.symmetric ? middle : std::uint8_t{0}};
  Float16 scale = to_float16(static_cast<float>(exact));
  if (scale.bits == 0) scale.bits = 1;
  if (grid.symmetric) return {scale, middle};
  const double zero = std::nearbyint(-double{range.min} / double{to_float(scale)});
  return {scale, static_cast<std::uint8_t>(std::clamp<double>(zero, 0.0, (1 << grid.bits) - 1))};
}

void round_group(const float* w, std::int64_t count, const GroupGrid& group, int bits, std::uint8_t* codes) {
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

bool all_finite(const float* row, std::int64_t count) {
  int bad = 0;
#pragma omp simd reduction(+ : bad)
  for (std::int64_t c = 0; c < count; ++c) bad += (std::bit_cast<std::uint32_t>(row[c]) & 0x7f800000u) == 0x7f800000u;
  return bad == 0;
}

[[noreturn]] void throw_not_finite(MatrixView<const float> weight, std::int64_t r) {
  const float* row = weight.row(r);
  const std::int64_t c = std::find_if(row, row + weight.cols, [](float w) { return !std::isfinite(w); }) - row;
  throw InputError(detail::concatenate("the weight in row ", r, ", column ", c, " is ", row[c],
                                       " and cannot be quantized, weights must be finite"));
}

}  // namespace

void quantize_round_to_nearest(MatrixView<const float> weight, const Grid& grid, std::span<std::byte> packed) {
  const PackedLayout layout = packed_layout(grid, weight.rows, weight.cols);
  EXPECT(static_cast<std::int64_t>(packed.size()) == layout.total_bytes, packed.size(), " != ", layout.total_bytes);
  const std::int64_t group_size = grid.group_size == 0 ? weight.cols : grid.group_size;
  parallel_for(weight.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(weight.cols));
    std::vector<std::uint8_t> zeros(static_cast<std::size_t>(layout.groups));
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = weight.row(r);
      if (!all_finite(row, weight.cols)) throw_not_finite(weight, r);
      for (std::int64_t g = 0; g < layout.groups; ++g) {
        const std::int64_t first = g * group_size;
        const std::int64_t count = std::min(group_size, weight.cols - first);
        const Range range = range_of(row + first, count);
        const GroupGrid group = grid_of(range, grid);
        VALIDATE(group.scale.bits < 0x7c00u, "the weights of row ", r, " from column ", first, " on lie in [",
                 range.min, ", ", range.max, "] and need a scale of ", exact_scale(range, grid),
                 ", a binary16 scale is at most 65504");
        round_group(row + first, count, group, grid.bits, codes.data() + first);
        zeros[static_cast<std::size_t>(g)] = group.zero;
        std::memcpy(packed.data() + (r * layout.groups + g) * 2, &group.scale, 2);
      }
      if (!grid.symmetric) {
        pack_codes(grid.bits, zeros.data(), layout.groups,
                   packed.data() + layout.zeros_offset + r * layout.zeros_row_bytes);
      }
      pack_codes(grid.bits, codes.data(), weight.cols,
                 packed.data() + layout.codes_offset + r * layout.codes_row_bytes);
    }
  });
}

}  // namespace pare::kernels
