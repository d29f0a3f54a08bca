// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/code_bits.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/quantize/block_bits.hpp"
#include "kernels/quantize/block_unit.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/row_quotient.hpp"

/// What the threads of the GPU do with bits, on the host.

namespace pare::test {
namespace {

using namespace pare::kernels;

std::uint8_t byte_of(std::uint32_t word, int i) {
  return static_cast<std::uint8_t>(word >> (8 * i));
}

/// Reads `count` codes of a unit as a thread does: words behind the row are other words of the row.
template <int bits, int count>
void read_unit(const std::vector<std::uint32_t>& row, int index, std::uint8_t* codes) {
  using Unit = CodeUnit<bits, count>;
  const Unit unit(index);
  std::uint32_t loaded[Unit::touched];
  std::uint32_t aligned[Unit::words];
  for (int i = 0; i < Unit::touched; ++i) {
    const auto at = static_cast<std::size_t>(unit.first_word + i);
    loaded[i] = at < row.size() ? row[at] : row.back();
  }
  unit.align(loaded, aligned);
  std::uint32_t quads[4] = {quad_of<bits, 0>(aligned), quad_of<bits, 1>(aligned)};
  if constexpr (count == 16) {
    quads[2] = quad_of<bits, 2>(aligned);
    quads[3] = quad_of<bits, 3>(aligned);
  }
  for (int i = 0; i < count; ++i) codes[i] = byte_of(quads[i / 4], i % 4);
}

template <int bits>
void expect_units_read_as_unpack_codes() {
  std::mt19937 generator(bits);
  constexpr int words = 60;
  std::vector<std::uint32_t> row(words);
  for (auto& word : row) word = static_cast<std::uint32_t>(generator());
  constexpr int codes = words * 32 / bits / 16 * 16;
  std::vector<std::byte> bytes(words * 4);
  std::memcpy(bytes.data(), row.data(), bytes.size());
  std::vector<std::uint8_t> expected(codes);
  std::vector<std::uint8_t> read(codes);
  unpack_codes_portable(bits, bytes.data(), codes, expected.data());

  for (int unit = 0; unit < codes / 8; ++unit) read_unit<bits, 8>(row, unit, read.data() + 8 * unit);
  EXPECT_EQ(read, expected) << bits;
  for (int unit = 0; unit < codes / 16; ++unit) read_unit<bits, 16>(row, unit, read.data() + 16 * unit);
  EXPECT_EQ(read, expected) << bits;

  for (int first = 0; first < codes; first += 4) {
    std::uint32_t quad = 0;
    for (int i = 0; i < 4; ++i) quad |= std::uint32_t{expected[static_cast<std::size_t>(first + i)]} << (8 * i);
    for (int i = 0; i < 4; ++i) {
      const int code = expected[static_cast<std::size_t>(first + i)];
      ASSERT_EQ(static_cast<std::int8_t>(byte_of(signed_bytes<bits>(quad), i)), code - (1 << (bits - 1)));
    }
  }
}

TEST(CodeBits, UnitsOfEightAndSixteenReadAsUnpackCodes) {
  expect_units_read_as_unpack_codes<2>();
  expect_units_read_as_unpack_codes<3>();
  expect_units_read_as_unpack_codes<4>();
  expect_units_read_as_unpack_codes<5>();
  expect_units_read_as_unpack_codes<6>();
  expect_units_read_as_unpack_codes<7>();
  expect_units_read_as_unpack_codes<8>();
}

TEST(CodeBits, UnitsAreDividedIntoGroupsExactly) {
  const int units = longest_packed_row / 8;
  for (const int size : {1, 2, 3, 4, 5, 7, 16, 48, 127, 1000, 1792, 16384, 32767, 32768}) {
    const UnitToGroup group_of(static_cast<std::uint32_t>(size));
    for (int unit = 0; unit < units; ++unit) ASSERT_EQ(group_of(unit), unit / size) << unit << " by " << size;
  }
}

template <BlockFormat format>
void expect_units_read_as_unpack_block() {
  constexpr BlockShape shape = shape_of<format>();
  ASSERT_EQ(shape, block_shape(format));
  std::mt19937 generator(static_cast<unsigned>(format));
  constexpr std::uint32_t blocks = 8;
  std::vector<std::uint32_t> words(blocks * shape.bytes / 4 + 2);
  for (auto& word : words) word = static_cast<std::uint32_t>(generator());
  std::vector<std::byte> bytes(words.size() * 4);
  std::memcpy(bytes.data(), words.data(), bytes.size());
  for (std::uint32_t b = 0; b < blocks; ++b) {
    BlockFields fields;
    unpack_block(format, bytes.data() + b * shape.bytes, fields);
    for (std::uint32_t u = 0; u < shape.weights / 8; ++u) {
      const BlockUnit unit = block_unit<format>(words.data(), b * shape.bytes, u);

      ASSERT_EQ(unit.d, fields.d.bits);
      for (std::uint32_t i = 0; i < 8; ++i) {
        int expected = fields.codes[8 * u + i];
        if (format == BlockFormat::iq4_nl) expected = uneven_levels[static_cast<std::size_t>(expected)] + 127;
        ASSERT_EQ(byte_of(unit.codes[i / 4], static_cast<int>(i % 4)), expected) << u << ", " << i;
      }
      if (shape.weights == 32) continue;
      const bool with_minimum = zero_of_codes<format>() == 0;
      const std::size_t run = format == BlockFormat::q4_k || format == BlockFormat::q5_k ? u / 4 : u / 2;
      ASSERT_EQ(unit.scale, fields.scales[run]) << u;
      if (!with_minimum) continue;
      ASSERT_EQ(unit.minimum, fields.minimums[run]) << u;
      ASSERT_EQ(unit.dmin, fields.dmin.bits);
    }
  }
}

TEST(BlockUnit, ReadsAsUnpackBlock) {
  expect_units_read_as_unpack_block<BlockFormat::q4_0>();
  expect_units_read_as_unpack_block<BlockFormat::q5_0>();
  expect_units_read_as_unpack_block<BlockFormat::q8_0>();
  expect_units_read_as_unpack_block<BlockFormat::iq4_nl>();
  expect_units_read_as_unpack_block<BlockFormat::q2_k>();
  expect_units_read_as_unpack_block<BlockFormat::q3_k>();
  expect_units_read_as_unpack_block<BlockFormat::q4_k>();
  expect_units_read_as_unpack_block<BlockFormat::q5_k>();
  expect_units_read_as_unpack_block<BlockFormat::q6_k>();
}

TEST(RowQuotient, IsTheQuotientRoundedOnceWhereItDecidesTheCode) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> mantissa(1.0f, 2.0f);
  std::uniform_real_distribution<float> codes(-127.5f, 127.5f);
  for (int i = 0; i < 2000000; ++i) {
    const int exponent =
        i % 3 == 0 ? static_cast<int>(generator() % 180) - 90 : static_cast<int>(generator() % 16) - 12;
    const float scale = std::ldexp(mantissa(generator), exponent);
    if (!divides_by_reciprocal(std::bit_cast<std::uint32_t>(scale))) continue;
    float x = codes(generator) * scale;
    // Every other x lies within two units in the last place of a tie.
    if (i % 2 == 0) {
      x = (std::floor(codes(generator)) + 0.5f) * scale;
      for (int step = static_cast<int>(generator() % 5) - 2; step != 0; step += step < 0 ? 1 : -1) {
        x = std::nextafter(x, step < 0 ? -INFINITY : INFINITY);
      }
    }
    const float expected = x / scale;

    const float quotient = quotient_by(x, scale, 1.0f / scale);

    if (std::abs(expected) >= 0.25f) {
      ASSERT_EQ(quotient, expected) << x << " / " << scale;
    } else {
      ASSERT_LT(std::abs(quotient), 0.26f) << x << " / " << scale;
    }
  }
}

TEST(RowQuotient, LeavesExtremeScalesToTheDivision) {
  for (const float scale : {0.0f, 1e-38f, 1e-30f, 1e30f, INFINITY, NAN, std::bit_cast<float>(0x3fffffffu)}) {
    EXPECT_FALSE(divides_by_reciprocal(std::bit_cast<std::uint32_t>(scale))) << scale;
  }
  for (const float scale : {1e-26f, 0.01f, 1.0f, 1e26f}) {
    EXPECT_TRUE(divides_by_reciprocal(std::bit_cast<std::uint32_t>(scale))) << scale;
  }
}

}  // namespace
}  // namespace pare::test
