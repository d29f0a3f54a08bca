// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/grid.hpp"

#include "kernels/core/contract.hpp"

namespace pare::kernels {

PackedLayout packed_layout(const Grid& grid, std::int64_t rows, std::int64_t cols) {
  VALIDATE(grid.bits >= 2 && grid.bits <= 8, "a grid cannot have ", grid.bits, " bits, use 2 to 8");
  VALIDATE(grid.group_size >= 0 && grid.group_size % 8 == 0, "a group of ", grid.group_size,
           " weights is not possible, use 0 (the whole row) or a positive multiple of 8");
  VALIDATE(!grid.tensor || grid.group_size == 0, "one scale for the whole tensor leaves no groups of ",
           grid.group_size);
  VALIDATE(rows > 0 && cols > 0, "a packed matrix of ", rows, " x ", cols, " is empty, both sides must be positive");
  PackedLayout layout;
  layout.rows = rows;
  layout.cols = cols;
  layout.grid_rows = grid.tensor ? 1 : rows;
  layout.groups = grid.group_size == 0 ? 1 : (cols + grid.group_size - 1) / grid.group_size;
  layout.zeros_row_bytes = grid.symmetric ? 0 : (layout.groups * grid.bits + 7) / 8;
  layout.codes_row_bytes = (cols * grid.bits + 7) / 8;
  layout.zeros_offset = layout.grid_rows * layout.groups * static_cast<std::int64_t>(sizeof(Float16));
  layout.codes_offset = layout.zeros_offset + layout.grid_rows * layout.zeros_row_bytes;
  layout.total_bytes = layout.codes_offset + rows * layout.codes_row_bytes;
  return layout;
}

}  // namespace pare::kernels
