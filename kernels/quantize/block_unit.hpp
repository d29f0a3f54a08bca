// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/host_device.hpp"
#include "kernels/quantize/block_format.hpp"

/// Eight neighbouring weights of a GGUF block, read in 32-bit words: what a GPU thread does. block_bits.hpp states the
/// layouts; shared with the host, where it is tested against unpack_block.

namespace pare::kernels {

/// block_shape as constants.
template <BlockFormat format>
constexpr BlockShape shape_of() {
  switch (format) {
    case BlockFormat::q4_0:
    case BlockFormat::iq4_nl:
      return {32, 18};
    case BlockFormat::q5_0:
      return {32, 22};
    case BlockFormat::q8_0:
      return {32, 34};
    case BlockFormat::q2_k:
      return {256, 84};
    case BlockFormat::q3_k:
      return {256, 110};
    case BlockFormat::q4_k:
      return {256, 144};
    case BlockFormat::q5_k:
      return {256, 176};
    default:
      return {256, 210};
  }
}

/// x = d scale (code - zero) - dmin minimum, the last term in q2_k, q4_k and q5_k only. In iq4_nl a code is its level
/// + 127.
struct BlockUnit {
  std::uint32_t codes[2];  ///< a byte each
  std::uint32_t d;         ///< binary16
  std::uint32_t dmin;      ///< binary16
  int scale;
  int minimum;
};

template <BlockFormat format>
constexpr int zero_of_codes() {
  switch (format) {
    case BlockFormat::q4_0:
      return 8;
    case BlockFormat::q5_0:
      return 16;
    case BlockFormat::q8_0:
      return 128;
    case BlockFormat::iq4_nl:
      return 127;
    case BlockFormat::q3_k:
      return 4;
    case BlockFormat::q6_k:
      return 32;
    default:
      return 0;
  }
}

namespace block {

PARE_HOST_DEVICE constexpr std::uint32_t byte_at(const std::uint32_t* words, std::uint32_t at) {
  return (words[at / 4] >> (at % 4 * 8)) & 0xffu;
}

/// `at` is even.
PARE_HOST_DEVICE constexpr std::uint32_t half_at(const std::uint32_t* words, std::uint32_t at) {
  return (words[at / 4] >> (at % 4 * 8)) & 0xffffu;
}

/// `at` is a multiple of 4, or even: then one word more is touched.
template <bool words_aligned>
PARE_HOST_DEVICE constexpr void eight_bytes(const std::uint32_t* words, std::uint32_t at, std::uint32_t* to) {
  const std::uint32_t* from = words + at / 4;
  if constexpr (words_aligned) {
    to[0] = from[0];
    to[1] = from[1];
  } else {
    const std::uint32_t shift = at % 4 * 8;
    to[0] = static_cast<std::uint32_t>(((std::uint64_t{from[1]} << 32) | from[0]) >> shift);
    to[1] = static_cast<std::uint32_t>(((std::uint64_t{from[2]} << 32) | from[1]) >> shift);
  }
}

/// Bits 0..3 become bit 0 of four bytes: the product has bit k at 8 k, nothing else at multiples of 8, and no carries.
PARE_HOST_DEVICE constexpr std::uint32_t spread_bits(std::uint32_t four) {
  return ((four & 15u) * 0x00204081u) & 0x01010101u;
}

/// Four nibbles in four bytes become the levels of iq4_nl + 127.
PARE_HOST_DEVICE constexpr std::uint32_t levels_above(std::uint32_t codes) {
  constexpr std::uint32_t table[4] = {0x3e2c1700u, 0x75695c4eu, 0xa5988c80u, 0xf0d8c4b4u};
#ifdef __CUDA_ARCH__
  const std::uint32_t pairs = codes | (codes >> 4);
  const std::uint32_t selector = (pairs & 0x77u) | ((pairs >> 8) & 0x7700u);
  const std::uint32_t above = ((codes >> 3) & 0x01010101u) * 0xffu;
  return (__byte_perm(table[0], table[1], selector) & ~above) | (__byte_perm(table[2], table[3], selector) & above);
#else
  std::uint32_t levels = 0;
  for (int i = 0; i < 32; i += 8) levels |= byte_at(table, (codes >> i) & 15u) << i;
  return levels;
#endif
}

/// s and m of run j of q4_k and q5_k, out of the three words of sm.
PARE_HOST_DEVICE constexpr void six_bit_run(const std::uint32_t* sm, std::uint32_t j, BlockUnit& unit) {
  const std::uint32_t shift = j % 4 * 8;
  const std::uint32_t a = (sm[0] >> shift) & 0xffu;
  const std::uint32_t b = (sm[1] >> shift) & 0xffu;
  const std::uint32_t c = (sm[2] >> shift) & 0xffu;
  unit.scale = static_cast<int>(j < 4 ? a & 63u : (c & 15u) | (a >> 6) << 4);
  unit.minimum = static_cast<int>(j < 4 ? b & 63u : (c >> 4) | (b >> 6) << 4);
}

}  // namespace block

/// Weights 8 u .. 8 u + 7 of the block that begins `at` (even) bytes behind `words`. Reads whole words, up to 7 bytes
/// behind the block.
template <BlockFormat format>
PARE_HOST_DEVICE constexpr BlockUnit block_unit(const std::uint32_t* words, std::uint32_t at, std::uint32_t u) {
  using namespace block;
  constexpr bool aligned = shape_of<format>().bytes % 4 == 0;
  constexpr std::uint32_t nibbles = 0x0f0f0f0fu;
  constexpr std::uint32_t pairs = 0x03030303u;
  constexpr std::uint32_t ones = 0x01010101u;
  BlockUnit unit{{0, 0}, 0, 0, 1, 0};
  std::uint32_t low[2] = {};
  std::uint32_t high[2] = {};
  if constexpr (format == BlockFormat::q4_0 || format == BlockFormat::iq4_nl || format == BlockFormat::q5_0) {
    constexpr std::uint32_t qs = format == BlockFormat::q5_0 ? 6 : 2;
    eight_bytes<aligned>(words, at + qs + 8 * (u % 2), low);
    for (int i = 0; i < 2; ++i) unit.codes[i] = (low[i] >> (u / 2 * 4)) & nibbles;
    if constexpr (format == BlockFormat::q5_0) {
      const std::uint32_t bits = byte_at(words, at + 2 + u);
      unit.codes[0] |= spread_bits(bits) << 4;
      unit.codes[1] |= spread_bits(bits >> 4) << 4;
    }
    if constexpr (format == BlockFormat::iq4_nl) {
      for (int i = 0; i < 2; ++i) unit.codes[i] = levels_above(unit.codes[i]);
    }
    unit.d = half_at(words, at);
  } else if constexpr (format == BlockFormat::q8_0) {
    eight_bytes<aligned>(words, at + 2 + 8 * u, low);
    for (int i = 0; i < 2; ++i) unit.codes[i] = low[i] ^ 0x80808080u;
    unit.d = half_at(words, at);
  } else if constexpr (format == BlockFormat::q2_k || format == BlockFormat::q3_k) {
    constexpr std::uint32_t qs = format == BlockFormat::q2_k ? 16 : 32;
    eight_bytes<aligned>(words, at + qs + 32 * (u / 16) + 8 * (u % 4), low);
    for (int i = 0; i < 2; ++i) unit.codes[i] = (low[i] >> (u / 4 % 4 * 2)) & pairs;
    const std::uint32_t j = u / 2;
    if constexpr (format == BlockFormat::q2_k) {
      const std::uint32_t run = byte_at(words, at + j);
      unit.scale = static_cast<int>(run & 15u);
      unit.minimum = static_cast<int>(run >> 4);
      unit.d = half_at(words, at + 80);
      unit.dmin = half_at(words, at + 82);
    } else {
      eight_bytes<aligned>(words, at + 8 * (u % 4), high);
      for (int i = 0; i < 2; ++i) unit.codes[i] |= ((high[i] >> (u / 4)) & ones) << 2;
      const std::uint32_t nibble = (byte_at(words, at + 96 + j % 8) >> (j / 8 * 4)) & 15u;
      const std::uint32_t pair = (byte_at(words, at + 104 + j % 4) >> (j / 4 * 2)) & 3u;
      unit.scale = static_cast<int>(nibble | pair << 4) - 32;
      unit.d = half_at(words, at + 108);
    }
  } else if constexpr (format == BlockFormat::q4_k || format == BlockFormat::q5_k) {
    constexpr std::uint32_t qs = format == BlockFormat::q4_k ? 16 : 48;
    eight_bytes<aligned>(words, at + qs + 32 * (u / 8) + 8 * (u % 4), low);
    for (int i = 0; i < 2; ++i) unit.codes[i] = (low[i] >> (u / 4 % 2 * 4)) & nibbles;
    if constexpr (format == BlockFormat::q5_k) {
      eight_bytes<aligned>(words, at + 16 + 8 * (u % 4), high);
      for (int i = 0; i < 2; ++i) unit.codes[i] |= ((high[i] >> (u / 4)) & ones) << 4;
    }
    six_bit_run(words + at / 4 + 1, u / 4, unit);
    unit.d = half_at(words, at);
    unit.dmin = half_at(words, at + 2);
  } else {
    eight_bytes<aligned>(words, at + 64 * (u / 16) + 8 * (u % 8), low);
    eight_bytes<aligned>(words, at + 128 + 32 * (u / 16) + 8 * (u % 4), high);
    for (int i = 0; i < 2; ++i) {
      unit.codes[i] = ((low[i] >> (u / 8 % 2 * 4)) & nibbles) | ((high[i] >> (u / 4 % 4 * 2)) & pairs) << 4;
    }
    const std::uint32_t run = byte_at(words, at + 192 + u / 2);
    unit.scale = static_cast<int>(run ^ 0x80u) - 128;
    unit.d = half_at(words, at + 208);
  }
  return unit;
}

}  // namespace pare::kernels
