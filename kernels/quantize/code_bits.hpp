// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"

/// How a GPU thread reads neighbouring codes out of the bit stream of PackedLayout in 32-bit words, without a loop over
/// bits. Shared with the host, where it is tested.

namespace pare::kernels {

/// The low word of (high, low) >> shift, shift in 0..31: one instruction of the GPU.
PARE_HOST_DEVICE constexpr std::uint32_t shifted_out(std::uint32_t low, std::uint32_t high, int shift) {
  return static_cast<std::uint32_t>(((std::uint64_t{high} << 32) | low) >> shift);
}

/// Four codes of `bits` bits in the low 4 * bits bits of x (what is above is ignored) become four bytes: the upper two
/// move to the upper half, then the upper one of each half to its upper byte.
template <int bits>
PARE_HOST_DEVICE constexpr std::uint32_t four_bytes(std::uint32_t x) {
  if constexpr (bits == 8) {
    return x;
  } else {
    constexpr std::uint32_t mask = ((1u << bits) - 1u) * 0x01010101u;
    const std::uint32_t halves = (x & 0x0000ffffu) | ((x << (16 - 2 * bits)) & 0xffff0000u);
    const std::uint32_t bytes = (halves & 0x00ff00ffu) | ((halves << (8 - bits)) & 0xff00ff00u);
    return bytes & mask;
  }
}

/// Codes 4 * quad .. 4 * quad + 3 of a stream that begins with bit 0 of words[0], a byte each. Reads no word
/// that holds none of them.
template <int bits, int quad>
PARE_HOST_DEVICE constexpr std::uint32_t quad_of(const std::uint32_t* words) {
  constexpr int first = 4 * bits * quad;
  constexpr int word = first / 32;
  constexpr int shift = first % 32;
  if constexpr (shift + 4 * bits <= 32) {
    return four_bytes<bits>(words[word] >> shift);
  } else {
    return four_bytes<bits>(shifted_out(words[word], words[word + 1], shift));
  }
}

/// Where the `count` (8 or 16) codes of unit `unit` of a row lie, in words from the start of the row, which is aligned
/// to 16 bytes and padded to 16 bytes.
template <int bits, int count>
struct CodeUnit {
  static constexpr int bytes = bits * count / 8;
  /// A unit begins at a multiple of `alignment` bytes.
  static constexpr int alignment = bytes % 4 == 0 ? 4 : (bytes % 2 == 0 ? 2 : 1);
  /// Words that hold the codes once they are shifted to bit 0.
  static constexpr int words = (bytes + 3) / 4;
  /// Words that the unit touches at most.
  static constexpr int touched = (4 - alignment + bytes + 3) / 4;

  int first_word;
  int shift;

  PARE_HOST_DEVICE constexpr explicit CodeUnit(int unit) : first_word(unit * bytes / 4), shift(unit * bytes % 4 * 8) {}

  /// Word i of the unit, with the `touched` words from first_word on. Words that the unit does not touch may be anything.
  PARE_HOST_DEVICE constexpr void align(const std::uint32_t* loaded, std::uint32_t* aligned) const {
    for (int i = 0; i < words; ++i) {
      aligned[i] = alignment == 4 ? loaded[i] : shifted_out(loaded[i], i + 1 < touched ? loaded[i + 1] : 0u, shift);
    }
  }
};

/// code - 2^(bits-1) in each of four bytes, modulo 256. No byte carries: a code is below 2^bits.
template <int bits>
PARE_HOST_DEVICE constexpr std::uint32_t signed_bytes(std::uint32_t codes) {
  constexpr std::uint32_t up = (0x80u - (1u << (bits - 1))) * 0x01010101u;
  return (codes + up) ^ 0x80808080u;
}

/// unit / d as one multiplication, for unit * d < 2^31: with m = ceil(2^31 / d), the quotient unit * m / 2^31 is too large
/// by less than unit / 2^31 < 1 / d.
class UnitToGroup {
 public:
  constexpr explicit UnitToGroup(std::uint32_t units_in_group)
      : multiplier_((0x80000000u + units_in_group - 1u) / units_in_group) {}

  PARE_HOST_DEVICE constexpr int operator()(int unit) const {
    return static_cast<int>((std::uint64_t{2u * static_cast<std::uint32_t>(unit)} * multiplier_) >> 32);
  }

 private:
  std::uint32_t multiplier_;
};

/// Of rows up to this long, units and groups of eight codes are below 2^15, and UnitToGroup is exact.
inline constexpr std::int64_t longest_packed_row = 262144;

}  // namespace pare::kernels
