// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace pare::kernels::detail {

/// Where a 16-byte piece of a tile lies in shared memory: byte offset of piece `chunk` of row `row`, for rows of
/// `row_bytes` (64, 128 or 256). The pieces of a row are permuted by XOR with the row's number, so that the same piece of
/// eight neighbouring rows, what ldmatrix reads at once, lies in eight different groups of four banks; so do the eight
/// pieces that eight threads write next to each other.
constexpr int swizzled_offset(int row, int chunk, int row_bytes) {
  const int turn = row_bytes == 64 ? (row >> 1) & 3 : row & 7;
  return row * row_bytes + (chunk ^ turn) * 16;
}

}  // namespace pare::kernels::detail
