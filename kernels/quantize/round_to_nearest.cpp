// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/round_to_nearest.hpp"

#include "kernels/quantize/quantize_groups.hpp"

namespace pare::kernels {

void quantize_round_to_nearest(MatrixView<const float> weight, const Grid& grid, std::span<std::byte> packed) {
  if (grid.tensor) {
    detail::quantize_tensor(weight, grid, packed, [&](const GroupRange& range) { return min_max_grid(range, grid); });
    return;
  }
  detail::quantize_groups(weight, grid, packed, [&](std::int64_t, std::int64_t, std::int64_t, const GroupRange& range) {
    return min_max_grid(range, grid);
  });
}

}  // namespace pare::kernels
