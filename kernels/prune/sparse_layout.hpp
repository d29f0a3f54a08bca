// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "kernels/core/matrix_view.hpp"
#include "kernels/prune/mask.hpp"
#include "kernels/quantize/grid.hpp"
#include "kernels/quantize/group_grid.hpp"

namespace pare::kernels {

/// Where the parts of a packed sparse matrix [rows, cols] lie in its one block of bytes. Exact: `total_bytes` follows
/// from pattern, grid and shape alone, and is what the budget counts.
///
///   scales    only with a grid: [rows, groups] binary16, row-major, at offset 0
///   zeros     only with an asymmetric grid: [rows, groups] codes of `bits` bits, each ROW padded to whole bytes
///   places    which weights were kept, each ROW padded to whole bytes:
///               N:M            cols / M * N indices of ceil(log2 M) bits: the place of each kept weight among its M
///                              neighbours, ascending within them
///               unstructured   cols bits, 1 = kept
///   values    the kept weights, row after row, WITHOUT padding between rows: bfloat16 (2 bytes, little-endian), or
///             with a grid codes of `bits` bits; the end is padded to a whole byte
///
/// Groups run along the columns of the dense matrix, as in PackedLayout, removed weights included; scales, zero points
/// and codes mean what they mean there. All bit streams are little-endian, as PackedLayout's. Padding bits are 0.
/// A removed weight is 0. Row r's values begin at value `cols / M * N * r`, or behind as many as the rows before have 1
/// bits.
struct SparseLayout {
  SparsityPattern pattern;
  std::optional<Grid> grid;  ///< none: values are bfloat16
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t groups = 0;  ///< a row; 0 without a grid
  std::int64_t kept = 0;    ///< weights kept in the whole matrix
  int place_bits = 0;       ///< of one entry of `places`
  std::int64_t zeros_row_bytes = 0;
  std::int64_t places_row_bytes = 0;
  std::int64_t zeros_offset = 0;
  std::int64_t places_offset = 0;
  std::int64_t values_offset = 0;
  std::int64_t total_bytes = 0;

  std::int64_t group_size() const { return grid->group_size == 0 ? cols : grid->group_size; }
};

/// Throws InputError as kept_weights and packed_layout do.
SparseLayout sparse_layout(const SparsityPattern& pattern, const std::optional<Grid>& grid, std::int64_t rows,
                           std::int64_t cols);

/// Packs the weights [rows, cols] that `keep` marks: rounded to bfloat16, or to the nearest point of the min-max grid
/// of each group's kept weights. `packed` has layout.total_bytes bytes. Parallel over rows; the bytes never depend on
/// the number of threads. Throws InputError when a mask does not have the pattern's number of kept weights (per row,
/// per M neighbours), a weight is not finite or a scale exceeds binary16.
void pack_sparse(const SparseLayout& layout, MatrixView<const std::uint8_t> keep, MatrixView<const float> weight,
                 std::span<std::byte> packed);

/// Packs codes that were chosen elsewhere: `codes` [rows, cols], a byte each, and `grids` [rows, groups]. EXPECTs a
/// layout with a grid.
void pack_sparse_codes(const SparseLayout& layout, MatrixView<const std::uint8_t> keep,
                       MatrixView<const std::uint8_t> codes, MatrixView<const GroupGrid> grids,
                       std::span<std::byte> packed);

/// Writes all rows * cols values, 0 for removed weights. Parallel over rows. Throws InputError when the block has the
/// wrong size or its places do not fit the pattern.
void expand_sparse(const SparseLayout& layout, std::span<const std::byte> packed, MatrixView<float> out);

}  // namespace pare::kernels
