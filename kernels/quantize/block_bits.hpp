// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/quantize/block_format.hpp"

/// Which bit of a GGUF block means what. Fields follow each other without padding in the order given here; d and dmin
/// are little-endian binary16, [n] counts bytes. c(i) is the code of weight i, s(j) and m(j) are scale and minimum of
/// the j-th run of weights as stored. "lo" and "hi" are nibbles: bits 0-3 and 4-7.
///
///   q4_0    d, qs[16]              c(i): lo (i < 16) or hi of qs[i % 16]                    x = d (c - 8)
///   iq4_nl  d, qs[16]              as q4_0                                                  x = d level(c)
///   q5_0    d, qh[4], qs[16]       bits 0-3 as q4_0, bit 4 is bit i of the 32-bit qh        x = d (c - 16)
///   q8_0    d, qs[32]              c(i) - 128 is the signed byte qs[i]                      x = d (c - 128)
///   q2_k    sm[16], qs[64], d, dmin
///           s(j), m(j), 16 weights each: lo, hi of sm[j]
///           c(i), with i = 128 h + 32 k + l: bits 2k, 2k+1 of qs[32 h + l]                  x = d s c - dmin m
///   q3_k    hm[32], qs[64], sm[12], d
///           bits 0-1 of c(i) as q2_k, bit 2 is bit i / 32 of hm[i % 32]                     x = d s (c - 4)
///           s(j) + 32, 16 weights each: bits 0-3 are lo (j < 8) or hi of sm[j % 8],
///           bits 4-5 are bits 2 (j / 4), 2 (j / 4) + 1 of sm[8 + j % 4]
///   q4_k    d, dmin, sm[12], qs[128]
///           s(j), m(j), 32 weights each, six bits:
///             j < 4: bits 0-5 of sm[j] and of sm[4 + j]
///             else:  bits 0-3 are lo (s) and hi (m) of sm[4 + j], bits 4-5 are bits 6-7 of sm[j - 4] (s), sm[j] (m)
///           c(i), with i = 64 h + l: lo (l < 32) or hi of qs[32 h + l % 32]                 x = d s c - dmin m
///   q5_k    d, dmin, sm[12], qh[32], qs[128]
///           as q4_k; bit 4 of c(i) is bit i / 32 of qh[i % 32]                              x = d s c - dmin m
///   q6_k    ql[128], qh[64], s[16], d
///           c(i), with i = 128 h + l: bits 0-3 are lo (l < 64) or hi of ql[64 h + l % 64],
///           bits 4-5 are bits 2 (l / 32), 2 (l / 32) + 1 of qh[32 h + l % 32]
///           s(j), 16 weights each: signed bytes                                             x = d s (c - 32)

namespace pare::kernels {

/// The numbers of one block, a byte each; a format uses as many as it has. Owned by the caller, who reuses it.
struct BlockFields {
  Float16 d{};
  Float16 dmin{};
  std::array<std::int8_t, 16> scales{};
  std::array<std::uint8_t, 16> minimums{};
  std::array<std::uint8_t, 256> codes{};
};

/// The values of the 16 codes of iq4_nl, in units of d.
inline constexpr std::array<std::int8_t, 16> uneven_levels{-127, -104, -83, -65, -49, -35, -22, -10,
                                                           1,    13,   25,  38,  53,  69,  89,  113};

/// Writes the block_shape(format).bytes bytes of a block. What does not fit its bits is a defect of the caller.
void pack_block(BlockFormat format, const BlockFields& fields, std::byte* packed);

/// Reads them; any bytes are a block.
void unpack_block(BlockFormat format, const std::byte* packed, BlockFields& fields);

}  // namespace pare::kernels
