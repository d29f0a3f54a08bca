// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// Codes as compressed-tensors packs them: code i of a row (or, for zero points, of a column) occupies bits
/// [i * bits, (i + 1) * bits) of a little-endian stream of 32-bit words, and each row (column) is padded with 0 bits to
/// whole words. For 1, 2, 4 and 8 bits that is how all versions of the format have it; until May 2026 codes of other
/// widths did not cross words.

namespace pare::kernels {

/// Words of one row.
inline std::int64_t packed_words(int bits, std::int64_t count) {
  return (count * bits + 31) / 32;
}

/// Packs `count` codes of 1..8 bits into words that lie `stride` words apart: 1 for a row, the number of columns for a
/// column. `words` has no particular alignment.
void pack_words(int bits, const std::uint8_t* codes, std::int64_t count, std::int64_t stride, std::byte* words);

/// The other way round; exactly `count` codes are written.
void unpack_words(int bits, const std::byte* words, std::int64_t count, std::int64_t stride, std::uint8_t* codes);

}  // namespace pare::kernels
