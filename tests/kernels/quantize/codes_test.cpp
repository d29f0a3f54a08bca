// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/codes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

namespace pare::test {
namespace {

using namespace pare::kernels;

std::vector<int> packed(int bits, const std::vector<std::uint8_t>& codes) {
  std::vector<std::byte> bytes((codes.size() * static_cast<std::size_t>(bits) + 7) / 8, std::byte{0xee});
  pack_codes(bits, codes.data(), static_cast<std::int64_t>(codes.size()), bytes.data());
  std::vector<int> values;
  for (const std::byte b : bytes) values.push_back(std::to_integer<int>(b));
  return values;
}

// Each expected byte is written as the codes that share it, the first code in the lowest bits.
TEST(PackCodes, LaysCodesOutAsALittleEndianBitStream) {
  EXPECT_THAT(packed(2, {3, 0, 1, 2, 1}), testing::ElementsAre(0b10'01'00'11, 0b01));
  EXPECT_THAT(packed(3, {5, 2, 7, 1}), testing::ElementsAre(0b11'010'101, 0b001'1));
  EXPECT_THAT(packed(4, {1, 15, 8}), testing::ElementsAre(0b1111'0001, 0b1000));
  EXPECT_THAT(packed(5, {31, 1, 16}), testing::ElementsAre(0b001'11111, 0b10000'00));
  EXPECT_THAT(packed(6, {1, 63, 32}), testing::ElementsAre(0b11'000001, 0b0000'1111, 0b10));
  EXPECT_THAT(packed(8, {200, 7}), testing::ElementsAre(200, 7));
}

class Unpack : public testing::TestWithParam<int> {};

TEST_P(Unpack, RestoresEveryLength) {
  const int bits = GetParam();
  std::mt19937 generator(1);
  for (std::int64_t count = 1; count <= 300; ++count) {
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(count));
    for (auto& code : codes) code = static_cast<std::uint8_t>(generator() >> (32 - bits));
    // A block of its own on the heap, so that the address sanitizer sees a read beyond the last byte.
    const auto size = static_cast<std::size_t>((count * bits + 7) / 8);
    const auto block = std::make_unique<std::byte[]>(size);
    pack_codes(bits, codes.data(), count, block.get());
    std::vector<std::uint8_t> fast(codes.size() + 1, 0xaa);
    std::vector<std::uint8_t> portable(codes.size() + 1, 0xaa);

    unpack_codes(bits, block.get(), count, fast.data());
    unpack_codes_portable(bits, block.get(), count, portable.data());

    codes.push_back(0xaa);
    ASSERT_EQ(fast, codes) << count;
    ASSERT_EQ(portable, codes) << count;
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, Unpack, testing::Range(1, 9));

}  // namespace
}  // namespace pare::test
