// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/block_bits.hpp"

#include <cstring>

#include "kernels/core/contract.hpp"

namespace pare::kernels {
namespace {

using Byte = std::uint8_t;

/// Bit fields that many codes have in common: `size` codes lie side by side, code l of field k in bits [bits * k,
/// bits * (k + 1)) of byte l. They are joined to the codes from bit `at` on.
template <int bits, int size>
void unpack_fields(const Byte* bytes, int at, Byte* codes) {
  constexpr int mask = (1 << bits) - 1;
  for (int k = 0; k < 8 / bits; ++k) {
    for (int l = 0; l < size; ++l) {
      codes[k * size + l] = static_cast<Byte>(codes[k * size + l] | ((bytes[l] >> (bits * k)) & mask) << at);
    }
  }
}

/// The inverse, for bytes that are zero before.
template <int bits, int size>
void pack_fields(const Byte* codes, int at, Byte* bytes) {
  constexpr int mask = (1 << bits) - 1;
  for (int k = 0; k < 8 / bits; ++k) {
    for (int l = 0; l < size; ++l) {
      bytes[l] = static_cast<Byte>(bytes[l] | ((codes[k * size + l] >> at) & mask) << (bits * k));
    }
  }
}

/// One walk over the fields of a block, for both directions: `Unpack` fills the codes, `Pack` the bytes.
struct Unpack {
  const Byte* bytes;

  void scale(Float16& d) {
    std::memcpy(&d, bytes, sizeof(d));
    bytes += sizeof(d);
  }
  template <int bits, int size>
  void fields(Byte* codes, int at) {
    unpack_fields<bits, size>(bytes, at, codes);
    bytes += size;
  }
};

struct Pack {
  Byte* bytes;

  void scale(Float16& d) {
    std::memcpy(bytes, &d, sizeof(d));
    bytes += sizeof(d);
  }
  template <int bits, int size>
  void fields(Byte* codes, int at) {
    pack_fields<bits, size>(codes, at, bytes);
    bytes += size;
  }
};

/// Scales and minimums as they are stored: unsigned.
struct Runs {
  std::array<Byte, 16> scales{};
  std::array<Byte, 16> minimums{};
};

/// The low six bits of the first eight bytes are s(0..3) and m(0..3); what else there is belongs to j >= 4.
void walk_six_bits(Unpack& walk, Runs& runs) {
  const Byte* sm = walk.bytes;
  for (std::size_t j = 0; j < 4; ++j) {
    runs.scales[j] = sm[j] & 63;
    runs.minimums[j] = sm[4 + j] & 63;
    runs.scales[4 + j] = static_cast<Byte>((sm[8 + j] & 15) | (sm[j] >> 6) << 4);
    runs.minimums[4 + j] = static_cast<Byte>(sm[8 + j] >> 4 | (sm[4 + j] >> 6) << 4);
  }
  walk.bytes += 12;
}

void walk_six_bits(Pack& walk, Runs& runs) {
  for (std::size_t j = 0; j < 4; ++j) {
    walk.bytes[j] = static_cast<Byte>(runs.scales[j] | (runs.scales[4 + j] >> 4) << 6);
    walk.bytes[4 + j] = static_cast<Byte>(runs.minimums[j] | (runs.minimums[4 + j] >> 4) << 6);
    walk.bytes[8 + j] = static_cast<Byte>((runs.scales[4 + j] & 15) | (runs.minimums[4 + j] & 15) << 4);
  }
  walk.bytes += 12;
}

template <class Walk>
void walk_quarters(Walk& walk, Byte* codes) {
  for (int half = 0; half < 2; ++half) walk.template fields<2, 32>(codes + 128 * half, 0);
}

template <class Walk>
void walk_halves(Walk& walk, Byte* codes) {
  for (int quarter = 0; quarter < 4; ++quarter) walk.template fields<4, 32>(codes + 64 * quarter, 0);
}

template <class Walk>
void walk_q6_k(Walk& walk, Byte* codes, Runs& runs) {
  for (int half = 0; half < 2; ++half) walk.template fields<4, 64>(codes + 128 * half, 0);
  for (int half = 0; half < 2; ++half) walk.template fields<2, 32>(codes + 128 * half, 4);
  walk.template fields<8, 16>(runs.scales.data(), 0);
}

template <class Walk>
void walk_q3_k(Walk& walk, Byte* codes, Runs& runs) {
  walk.template fields<1, 32>(codes, 2);
  walk_quarters(walk, codes);
  walk.template fields<4, 8>(runs.scales.data(), 0);
  walk.template fields<2, 4>(runs.scales.data(), 4);
}

/// The one bit of weight i that q5_0 keeps apart is bit i of 32, byte by byte.
void walk_bits(Unpack& walk, Byte* codes) {
  for (int i = 0; i < 32; ++i) codes[i] = static_cast<Byte>(codes[i] | ((walk.bytes[i / 8] >> (i % 8)) & 1) << 4);
  walk.bytes += 4;
}

void walk_bits(Pack& walk, Byte* codes) {
  for (int i = 0; i < 32; ++i) {
    walk.bytes[i / 8] = static_cast<Byte>(walk.bytes[i / 8] | (codes[i] >> 4 & 1) << (i % 8));
  }
  walk.bytes += 4;
}

template <class Walk>
void walk_block(BlockFormat format, Walk& walk, BlockFields& fields, Runs& runs) {
  Byte* codes = fields.codes.data();
  switch (format) {
    case BlockFormat::q4_0:
    case BlockFormat::iq4_nl:
      walk.scale(fields.d);
      return walk.template fields<4, 16>(codes, 0);
    case BlockFormat::q5_0:
      walk.scale(fields.d);
      walk_bits(walk, codes);
      return walk.template fields<4, 16>(codes, 0);
    case BlockFormat::q8_0:
      walk.scale(fields.d);
      return walk.template fields<8, 32>(codes, 0);
    case BlockFormat::q2_k: {
      walk.template fields<8, 16>(runs.scales.data(), 0);
      walk_quarters(walk, codes);
      walk.scale(fields.d);
      return walk.scale(fields.dmin);
    }
    case BlockFormat::q3_k:
      walk_q3_k(walk, codes, runs);
      return walk.scale(fields.d);
    case BlockFormat::q4_k:
    case BlockFormat::q5_k:
      walk.scale(fields.d);
      walk.scale(fields.dmin);
      walk_six_bits(walk, runs);
      if (format == BlockFormat::q5_k) walk.template fields<1, 32>(codes, 4);
      return walk_halves(walk, codes);
    case BlockFormat::q6_k:
      walk_q6_k(walk, codes, runs);
      return walk.scale(fields.d);
  }
  throw InternalError(pare::detail::concatenate("block format ", static_cast<int>(format)));
}

/// q8_0 stores signed bytes: flipping the top bit adds or takes 128.
void flip_signs(BlockFields& fields) {
  for (int i = 0; i < 32; ++i) fields.codes[static_cast<std::size_t>(i)] ^= 128;
}

}  // namespace

void pack_block(BlockFormat format, const BlockFields& fields, std::byte* packed) {
  BlockFields stored = fields;
  Runs runs;
  for (std::size_t j = 0; j < 16; ++j) {
    runs.scales[j] = static_cast<Byte>(fields.scales[j]);
    runs.minimums[j] = fields.minimums[j];
    if (format == BlockFormat::q2_k) runs.scales[j] = static_cast<Byte>(runs.scales[j] | runs.minimums[j] << 4);
    if (format == BlockFormat::q3_k) runs.scales[j] = static_cast<Byte>(fields.scales[j] + 32);
  }
  if (format == BlockFormat::q8_0) flip_signs(stored);
  std::memset(packed, 0, static_cast<std::size_t>(block_shape(format).bytes));
  Pack walk{reinterpret_cast<Byte*>(packed)};
  walk_block(format, walk, stored, runs);
  ENSURE(reinterpret_cast<std::byte*>(walk.bytes) == packed + block_shape(format).bytes, block_format_name(format));
}

void unpack_block(BlockFormat format, const std::byte* packed, BlockFields& fields) {
  Runs runs;
  std::memset(fields.codes.data(), 0, static_cast<std::size_t>(block_shape(format).weights));
  Unpack walk{reinterpret_cast<const Byte*>(packed)};
  walk_block(format, walk, fields, runs);
  for (std::size_t j = 0; j < 16; ++j) {
    fields.scales[j] = static_cast<std::int8_t>(runs.scales[j]);
    fields.minimums[j] = runs.minimums[j];
    if (format == BlockFormat::q2_k) {
      fields.scales[j] = runs.scales[j] & 15;
      fields.minimums[j] = runs.scales[j] >> 4;
    }
    if (format == BlockFormat::q3_k) fields.scales[j] = static_cast<std::int8_t>(runs.scales[j] - 32);
  }
  if (format == BlockFormat::q8_0) flip_signs(fields);
}

}  // namespace pare::kernels
