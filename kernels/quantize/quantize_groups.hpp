// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "kernels/core/matrix_view.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/grid.hpp"
#include "kernels/quantize/group_grid.hpp"

/// The loop over rows and groups that every method with independent groups shares; the methods differ in how they
/// choose the grid of a group.

namespace pare::kernels::detail {

inline bool all_finite(const float* row, std::int64_t count) {
  int bad = 0;
#pragma omp simd reduction(+ : bad)
  for (std::int64_t c = 0; c < count; ++c) bad += (std::bit_cast<std::uint32_t>(row[c]) & 0x7f800000u) == 0x7f800000u;
  return bad == 0;
}

[[noreturn]] inline void throw_not_finite(MatrixView<const float> weight, std::int64_t r) {
  const float* row = weight.row(r);
  const std::int64_t c = std::find_if(row, row + weight.cols, [](float w) { return !std::isfinite(w); }) - row;
  throw InputError(pare::detail::concatenate("the weight in row ", r, ", column ", c, " is ", row[c],
                                             " and cannot be quantized, weights must be finite"));
}

/// Packs the nearest points of the grids that choose(r, first, count, range) returns for columns [first, first + count)
/// of row r; `range` is range_of_group of them. Parallel over rows: choose is called from several threads.
/// Throws InputError when a value is not finite or the scale of the whole range exceeds binary16.
template <class Choose>
void quantize_groups(MatrixView<const float> weight, const Grid& grid, std::span<std::byte> packed,
                     const Choose& choose) {
  constexpr std::int64_t rows_per_part = 4;
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
        const GroupRange range = range_of_group(row + first, count);
        VALIDATE(min_max_grid(range, grid).scale.bits < 0x7c00u, "the weights of row ", r, " from column ", first,
                 " on lie in [", range.min, ", ", range.max, "] and need a scale of ", exact_scale(range, grid),
                 ", a binary16 scale is at most 65504");
        const GroupGrid group = choose(r, first, count, range);
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

}  // namespace pare::kernels::detail
