// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <vector>

#include "kernels/core/contract.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/group_grid.hpp"

/// Where the parts of one row of a packed matrix lie; shared by what writes and what reads them.

namespace pare::kernels {

/// The layout of `packed`, after a check that the block has the bytes it must have.
inline PackedLayout checked_layout(const PackedView& packed) {
  const PackedLayout layout = packed_layout(packed.grid, packed.rows, packed.cols);
  VALIDATE(static_cast<std::int64_t>(packed.bytes.size()) == layout.total_bytes, "a packed ", packed.rows, " x ",
           packed.cols, " matrix of ", packed.grid.bits, " bits in groups of ", packed.grid.group_size, " has ",
           packed.bytes.size(), " bytes, it must have ", layout.total_bytes);
  return layout;
}

inline const std::byte* codes_of_row(const PackedView& packed, const PackedLayout& layout, std::int64_t r) {
  return packed.bytes.data() + layout.codes_offset + r * layout.codes_row_bytes;
}

inline const std::byte* zeros_of_row(const PackedView& packed, const PackedLayout& layout, std::int64_t r) {
  return packed.bytes.data() + layout.zeros_offset + layout.grid_row(r) * layout.zeros_row_bytes;
}

/// The block has no particular alignment, hence the copy.
inline float scale_of_group(const PackedView& packed, const PackedLayout& layout, std::int64_t r, std::int64_t g) {
  Float16 scale;
  std::memcpy(&scale,
              packed.bytes.data() + (layout.grid_row(r) * layout.groups + g) * static_cast<std::int64_t>(sizeof(scale)),
              sizeof(scale));
  return to_float(scale);
}

/// Writes scales and zeros of row r, which has `groups` grids, to where PackedLayout has them.
inline void write_grids(const Grid& grid, std::int64_t r, std::span<const GroupGrid> groups, std::int64_t zeros_offset,
                        std::int64_t zeros_row_bytes, std::span<std::byte> packed) {
  std::vector<std::uint8_t> zeros;
  std::byte* scales = packed.data() + r * static_cast<std::int64_t>(groups.size() * sizeof(Float16));
  for (const GroupGrid& group : groups) {
    std::memcpy(scales, &group.scale, sizeof(Float16));
    scales += sizeof(Float16);
    zeros.push_back(group.zero);
  }
  if (grid.symmetric) return;
  pack_codes(grid.bits, zeros.data(), static_cast<std::int64_t>(zeros.size()),
             packed.data() + zeros_offset + r * zeros_row_bytes);
}

/// Writes row r of a packed matrix: its grids and its codes, a byte each. Grids that all rows share go with row 0.
inline void write_row(const Grid& grid, const PackedLayout& layout, std::int64_t r, std::span<const GroupGrid> groups,
                      const std::uint8_t* codes, std::span<std::byte> packed) {
  if (r < layout.grid_rows) write_grids(grid, r, groups, layout.zeros_offset, layout.zeros_row_bytes, packed);
  pack_codes(grid.bits, codes, layout.cols, packed.data() + layout.codes_offset + r * layout.codes_row_bytes);
}

}  // namespace pare::kernels
