// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/group_grid.hpp"
#include "kernels/second_order/group_grids.hpp"

namespace pare::kernels {

void make_group_grids(MatrixView<const double> weights, MatrixView<const std::int64_t> position,
                      MatrixView<const float> importance, const Grid& grid, std::int64_t first, std::int64_t count,
                      MatrixView<GroupGrid> grids) {
  const std::int64_t size = grid.group_size == 0 ? weights.cols : grid.group_size;
  for (std::int64_t r = 0; r < weights.rows; ++r) {
    for (std::int64_t g = first; g < first + count; ++g) {
      const std::int64_t begin = g * size;
      const std::int64_t end = std::min(begin + size, weights.cols);
      std::vector<float> group;
      for (std::int64_t c = begin; c < end; ++c) group.push_back(static_cast<float>(weights.row(r)[position.data[c]]));
      const GroupRange range = range_of_group(group.data(), end - begin);
      grids.row(r)[g] = importance.data == nullptr
                            ? min_max_grid(range, grid)
                            : clipped_grid(group.data(), importance.data + begin, end - begin, range, grid);
    }
  }
}

}  // namespace pare::kernels
