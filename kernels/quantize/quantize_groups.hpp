// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/matrix_view.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/grid.hpp"
#include "kernels/quantize/group_grid.hpp"
#include "kernels/quantize/packed_row.hpp"

/// The loop over rows and groups that every method with independent groups shares; the methods differ in how they
/// choose the grid of a group.

namespace pare::kernels::detail {

/// Packs the nearest points of one grid for all rows, which choose(range of the matrix) returns. Throws as below.
template <class Choose>
void quantize_tensor(MatrixView<const float> weight, const Grid& grid, std::span<std::byte> packed,
                     const Choose& choose) {
  constexpr std::int64_t rows_per_part = 4;
  const PackedLayout layout = packed_layout(grid, weight.rows, weight.cols);
  EXPECT(static_cast<std::int64_t>(packed.size()) == layout.total_bytes, packed.size(), " != ", layout.total_bytes);
  for (std::int64_t r = 0; r < weight.rows; ++r) require_finite_row(weight, r);
  const GroupRange range = range_of_tensor(weight);
  min_max_tensor_grid(range, grid);  // the whole range must fit, whatever is chosen
  const GroupGrid chosen = choose(range);
  parallel_for(weight.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(weight.cols));
    for (std::int64_t r = begin; r < end; ++r) {
      round_group(weight.row(r), weight.cols, chosen, grid.bits, codes.data());
      write_row(grid, layout, r, {&chosen, 1}, codes.data(), packed);
    }
  });
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
    std::vector<GroupGrid> groups(static_cast<std::size_t>(layout.groups));
    for (std::int64_t r = begin; r < end; ++r) {
      const float* row = weight.row(r);
      require_finite_row(weight, r);
      for (std::int64_t g = 0; g < layout.groups; ++g) {
        const std::int64_t first = g * group_size;
        const std::int64_t count = std::min(group_size, weight.cols - first);
        const GroupRange range = range_of_group(row + first, count);
        min_max_grid(range, grid, r, first);  // the whole range must fit, whatever is chosen
        GroupGrid& group = groups[static_cast<std::size_t>(g)];
        group = choose(r, first, count, range);
        round_group(row + first, count, group, grid.bits, codes.data() + first);
      }
      write_row(grid, layout, r, groups, codes.data(), packed);
    }
  });
}

}  // namespace pare::kernels::detail
