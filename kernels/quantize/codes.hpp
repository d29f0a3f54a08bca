// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

/// One row of codes, between a byte a code and the little-endian bit stream of PackedLayout. Eight codes of b
/// bits are exactly b bytes, so both directions work on whole bytes eight codes at a time.

namespace pare::kernels {

/// Writes `count` codes of 1..8 bits, ceil(count * bits / 8) bytes; the unused bits of the last one are 0. EXPECTs
/// codes < 2^bits.
void pack_codes(int bits, const std::uint8_t* codes, std::int64_t count, std::byte* packed);

/// Reads ceil(count * bits / 8) bytes and not one more; writes `count` codes. With AVX-512 VBMI 64 codes at a
/// time.
void unpack_codes(int bits, const std::byte* packed, std::int64_t count, std::uint8_t* codes);

/// unpack_codes without the AVX-512 path.
void unpack_codes_portable(int bits, const std::byte* packed, std::int64_t count, std::uint8_t* codes);

}  // namespace pare::kernels
