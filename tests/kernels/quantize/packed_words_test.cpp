// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/packed_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace pare::test {
namespace {

using testing::ElementsAre;

/// Signed values, as compressed-tensors' documents have them.
std::vector<std::uint32_t> packed(int bits, const std::vector<int>& values) {
  std::vector<std::uint8_t> codes;
  for (const int value : values) codes.push_back(static_cast<std::uint8_t>(value + (1 << (bits - 1))));
  const auto count = static_cast<std::int64_t>(values.size());
  std::vector<std::uint32_t> words(static_cast<std::size_t>(kernels::packed_words(bits, count)), 0xffffffffu);
  kernels::pack_words(bits, codes.data(), count, 1, reinterpret_cast<std::byte*>(words.data()));
  return words;
}

TEST(PackedWords, FourBitsAreThoseOfTheFormat) {
  EXPECT_THAT(packed(4, {1, 2, 3, 4, 5, 6, 7, 0}), ElementsAre(0x8fedcba9u));
  EXPECT_THAT(packed(4, {-8, -1, 0, 7, 1, 2, 3, 4}), ElementsAre(0xcba9f870u));
}

TEST(PackedWords, ThreeBitsCrossWords) {
  std::vector<int> values;
  for (int i = 0; i < 32; ++i) values.push_back(i % 8 - 4);

  EXPECT_THAT(packed(3, values), ElementsAre(0x88fac688u, 0xc688fac6u, 0xfac688fau));
}

TEST(PackedWords, RowIsPaddedWithZeroBits) {
  EXPECT_THAT(packed(8, {-128, 127, 0, 1, 2}), ElementsAre(0x8180ff00u, 0x00000082u));
}

TEST(PackedWords, ColumnsLieSideBySide) {
  const std::vector<std::uint8_t> codes{1, 2, 3, 4, 5, 6, 7, 8, 9};
  std::vector<std::uint32_t> words(4, 0);

  kernels::pack_words(4, codes.data(), 9, 2, reinterpret_cast<std::byte*>(words.data() + 1));

  EXPECT_THAT(words, ElementsAre(0u, 0x87654321u, 0u, 0x00000009u));
  std::vector<std::uint8_t> back(9);
  kernels::unpack_words(4, reinterpret_cast<const std::byte*>(words.data() + 1), 9, 2, back.data());
  EXPECT_EQ(back, codes);
}

}  // namespace
}  // namespace pare::test
