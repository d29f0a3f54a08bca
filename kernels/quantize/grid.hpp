// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/core/dtype.hpp"

namespace pare::kernels {

/// An integer grid for the weights of one linear layer [rows = outputs, cols = inputs], scaled by group along
/// a row.
///
/// A group of `group_size` neighbouring inputs of one row (the last group of a row may be shorter; 0 = the
/// whole row, or with `tensor` the whole matrix) shares a scale s > 0 stored as binary16 and, when asymmetric, a
/// zero point z in [0, 2^bits - 1]. A code is an unsigned integer c in [0, 2^bits - 1]; its value is
///     asymmetric: s * (c - z)                symmetric: s * (c - 2^(bits-1))
/// A group of zeros has scale 0 and all its values are 0.
struct Grid {
  int bits = 8;        ///< 2..8
  int group_size = 0;  ///< 0 (whole row) or a positive multiple of 8
  bool symmetric = false;
  bool tensor = false;  ///< one scale for all rows; group_size is 0

  bool operator==(const Grid&) const = default;
};

/// Scale and zero point of one group.
struct GroupGrid {
  Float16 scale;  ///< as stored; infinity when binary16 does not hold it
  std::uint8_t zero;
};

/// Of the weights of a group; holds 0 always.
struct GroupRange {
  float min = 0.0f;
  float max = 0.0f;
};

/// Where the three parts of a packed matrix lie in its one block of bytes. Exact: `total_bytes` is what the
/// budget counts.
///   scales  [grid_rows, groups] binary16, row-major, at offset 0
///   zeros   absent when symmetric; else row-major [grid_rows, groups] codes of `bits` bits, each ROW padded to
///           whole bytes
///   codes   row-major [rows, cols] codes of `bits` bits, each ROW padded to whole bytes
/// where grid_rows is 1 for one scale a tensor, else rows.
/// A row of codes is a little-endian bit stream: code i occupies bits [i * bits, (i + 1) * bits) of the row,
/// bit b being bit b % 8 of byte b / 8.
struct PackedLayout {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t grid_rows = 0;
  std::int64_t groups = 0;  ///< of a row
  std::int64_t zeros_row_bytes = 0;
  std::int64_t codes_row_bytes = 0;
  std::int64_t zeros_offset = 0;
  std::int64_t codes_offset = 0;
  std::int64_t total_bytes = 0;

  /// The row of scales and zeros that row r of the codes goes by.
  std::int64_t grid_row(std::int64_t r) const { return grid_rows == 1 ? 0 : r; }
};

/// Throws InputError for bits outside 2..8, a bad group size, a group in a grid of the whole tensor or an empty shape.
PackedLayout packed_layout(const Grid& grid, std::int64_t rows, std::int64_t cols);

/// A packed matrix that somebody else owns (usually a mapped bank file). `bytes` has
/// packed_layout().total_bytes bytes and no particular alignment.
struct PackedView {
  Grid grid;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::span<const std::byte> bytes;
};

}  // namespace pare::kernels
