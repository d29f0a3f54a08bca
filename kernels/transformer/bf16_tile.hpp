// SPDX-License-Identifier: Apache-2.0
#pragma once

/// How the portable kernels of this room lay a tile of bfloat16 out in shared memory: rows of 64 or 128 values, in chunks
/// of eight (16 bytes, what cp.async and ldmatrix move). Chunk c of row r stands at chunk c ^ (r % 8) of its row, so that
/// the same chunk of eight consecutive rows covers all 32 banks. With rows of 64 values this is the 128-byte swizzle of
/// TMA and wgmma. No CUDA needed, so that the arithmetic is tested without a GPU.

namespace pare::kernels::detail {

inline constexpr int chunk_values = 8;

/// Index of the first value of a chunk, in values from the start of the tile.
constexpr int tile_offset(int row, int chunk, int row_values) {
  return row * row_values + (chunk ^ (row & 7)) * chunk_values;
}

struct TilePlace {
  int row;
  int chunk;
};

/// Where lane `lane` of an ldmatrix.x4 points, relative to the 16 x 16 values that the instruction fetches (two chunks a
/// row): its four 8 x 8 matrices in the order of the A registers of m16n8k16 (first the rows below, then the chunk to
/// the right). Transposed, the same order gives the B registers of two n8 tiles from rows along the depth.
constexpr TilePlace place_of_a(int lane) {
  return {(lane & 7) + (lane >> 3 & 1) * 8, lane >> 4};
}

/// The same for B registers of two n8 tiles whose rows lie along the depth (first the chunk to the right, then the rows
/// below).
constexpr TilePlace place_of_b(int lane) {
  return {(lane & 7) + (lane >> 4) * 8, lane >> 3 & 1};
}

}  // namespace pare::kernels::detail
