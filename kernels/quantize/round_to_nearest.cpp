// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/round_to_nearest.hpp"

#include <algorithm>
#include <vector>

#include "kernels/core/parallel.hpp"
#include "kernels/quantize/group_grid.hpp"
#include "kernels/quantize/packed_row.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t rows_per_part = 4;

}  // namespace

void quantize_round_to_nearest(MatrixView<const float> weight, const Grid& grid, std::span<std::byte> packed) {
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
        GroupGrid& group = groups[static_cast<std::size_t>(g)];
        group = min_max_grid(range_of(row + first, count), grid, r, first);
        round_group(row + first, count, group, grid.bits, codes.data() + first);
      }
      write_row(grid, layout, r, groups, codes.data(), packed);
    }
  });
}

}  // namespace pare::kernels
