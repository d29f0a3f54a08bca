// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/expand_blocks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/quantize/block_bits.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

/// A block of zero bytes but for those given.
std::vector<std::byte> block_with(BlockFormat format, const std::map<std::size_t, int>& bytes) {
  std::vector<std::byte> block(static_cast<std::size_t>(block_shape(format).bytes));
  for (const auto& [position, value] : bytes) block.at(position) = static_cast<std::byte>(value);
  return block;
}

std::vector<float> expanded(BlockFormat format, const std::vector<std::byte>& block) {
  const BlockShape shape = block_shape(format);
  const std::int64_t cols = static_cast<std::int64_t>(block.size()) / shape.bytes * shape.weights;
  std::vector<float> out(static_cast<std::size_t>(cols), NAN);
  expand_blocks(format, 1, cols, block, {out.data(), 1, cols});
  return out;
}

/// The values of a block at some positions.
std::vector<float> picked(BlockFormat format, const std::map<std::size_t, int>& bytes,
                          const std::vector<std::size_t>& positions) {
  const std::vector<float> values = expanded(format, block_with(format, bytes));
  std::vector<float> some;
  for (const std::size_t position : positions) some.push_back(values.at(position));
  return some;
}

// In the tests by hand the top byte of binary16 says enough: 0x3c is 1, 0x38 is 0.5, 0x34 is 0.25, 0x40 is 2.

TEST(ExpandBlocks, ReadsQ4_0ByHand) {
  // Codes 0 and 15 in byte 0, 8 and 9 in byte 15; 0 elsewhere. d = 2.
  EXPECT_THAT(picked(BlockFormat::q4_0, {{1, 0x40}, {2, 0xf0}, {17, 0x98}}, {0, 16, 15, 31, 1}),
              testing::ElementsAre(-16, 14, 0, 2, -16));
}

TEST(ExpandBlocks, ReadsIq4NlByHand) {
  // Codes 0, 15, 7, 8: levels -127, 113, -10, 1. d = 0.5.
  EXPECT_THAT(picked(BlockFormat::iq4_nl, {{1, 0x38}, {2, 0xf0}, {3, 0x87}}, {0, 16, 1, 17}),
              testing::ElementsAre(-63.5f, 56.5f, -5.0f, 0.5f));
}

TEST(ExpandBlocks, ReadsQ5_0ByHand) {
  // The fifth bits of weights 0, 16 and 31 are set: codes 16 + 15, 16 + 1 and 16; weight 1 has code 0. d = 1.
  EXPECT_THAT(picked(BlockFormat::q5_0, {{1, 0x3c}, {2, 0x01}, {4, 0x01}, {5, 0x80}, {6, 0x1f}}, {0, 16, 31, 1}),
              testing::ElementsAre(15, 1, 0, -16));
}

TEST(ExpandBlocks, ReadsQ8_0ByHand) {
  EXPECT_THAT(picked(BlockFormat::q8_0, {{1, 0x34}, {2, 0x80}, {3, 0x7f}, {33, 0xff}}, {0, 1, 31, 2}),
              testing::ElementsAre(-32, 31.75f, -0.25f, 0));
}

TEST(ExpandBlocks, ReadsQ2KByHand) {
  // d = 1, dmin = 0.5. Runs 0, 2, 9: s = 1, m = 2; s = 1, m = 1; s = 15, m = 3.
  // Weight 0: bits 0-1 of qs[0] = 3; 47: bits 2-3 of qs[15] = 1; 150: bits 0-1 of qs[32 + 22] = 2; 151: code 0.
  EXPECT_THAT(
      picked(BlockFormat::q2_k,
             {{0, 0x21}, {2, 0x11}, {9, 0x3f}, {16, 0b11}, {16 + 15, 0b0100}, {16 + 54, 0b10}, {81, 0x3c}, {83, 0x38}},
             {0, 47, 150, 151, 255}),
      testing::ElementsAre(3 - 1.0f, 1 - 0.5f, 30 - 1.5f, -1.5f, 0));
}

TEST(ExpandBlocks, ReadsQ3KByHand) {
  // d = 1. Weight 0 is of run 0, s = 1 + 2 * 16 - 32 = 1: bit 0 of hm[0] and bits 0-1 of qs[0], code 4 + 3.
  // Weight 200 = 128 + 2 * 32 + 8 is of run 12, s = 5 + 3 * 16 - 32 = 21, from the high nibble of sm[4] and bits 6-7
  // of sm[8]: bit 6 of hm[8] is 0, bits 4-5 of qs[40] = 2, code 2. Run 5 has s = 0 - 32.
  EXPECT_THAT(
      picked(BlockFormat::q3_k,
             {{0, 0b1}, {32, 0b11}, {32 + 40, 0b100000}, {96, 0x01}, {96 + 4, 0x50}, {96 + 8, 0b11000010}, {109, 0x3c}},
             {0, 200, 80}),
      testing::ElementsAre(1 * (7 - 4), 21 * (2 - 4), -32 * (0 - 4)));
}

// Run 1: s and m in bits 0-5 of sm[1], sm[5]: 33 and 2. Run 6: low bits in the nibbles of sm[10], high ones in bits 6-7
// of sm[2] and sm[6]: s = 4 + 2 * 16, m = 7 + 3 * 16. d = 1, dmin = 0.5.
const std::map<std::size_t, int> six_bit_runs{{1, 0x3c},      {3, 0x38},     {4 + 1, 33},  {4 + 5, 2},
                                              {4 + 10, 0x74}, {4 + 2, 0x80}, {4 + 6, 0xc0}};

TEST(ExpandBlocks, ReadsQ4KByHand) {
  std::map<std::size_t, int> bytes = six_bit_runs;
  bytes[16 + 7] = 0x90;        // weight 32 + 7 has the high nibble
  bytes[16 + 96 + 31] = 0x0f;  // weight 192 + 31 the low one

  EXPECT_THAT(picked(BlockFormat::q4_k, bytes, {39, 223, 40, 222, 0}),
              testing::ElementsAre(33 * 9 - 1.0f, 36 * 15 - 27.5f, -1, -27.5f, 0));
}

TEST(ExpandBlocks, ReadsQ5KByHand) {
  std::map<std::size_t, int> bytes = six_bit_runs;
  bytes[16 + 7] = 0b10;        // bit 1 of qh[7]: weight 32 + 7
  bytes[16 + 31] = 0b1000000;  // bit 6 of qh[31]: weight 192 + 31
  bytes[48 + 7] = 0x90;
  bytes[48 + 96 + 31] = 0x0f;

  EXPECT_THAT(picked(BlockFormat::q5_k, bytes, {39, 223, 40, 222, 0}),
              testing::ElementsAre(33 * 25 - 1.0f, 36 * 31 - 27.5f, -1, -27.5f, 0));
}

TEST(ExpandBlocks, ReadsQ6KByHand) {
  // d = 0.5. Weight 0: run 0, s = 2, bits 0-3 of ql[0] = 5, bits 0-1 of qh[0] = 3: code 53. Weight 227 = 128 + 99 is of
  // run 14, s = -128: high nibble of ql[64 + 35] = 1, bits 6-7 of qh[32 + 3] = 0: code 1. Weight 1: code 0.
  EXPECT_THAT(picked(BlockFormat::q6_k, {{0, 0x05}, {99, 0x10}, {128, 0b11}, {192, 2}, {192 + 14, 0x80}, {209, 0x38}},
                     {0, 227, 1, 255}),
              testing::ElementsAre(0.5f * 2 * 21, 0.5f * -128 * -31, 0.5f * 2 * -32, 0));
}

/// Blocks of random bytes with scales below 0.01, and what the Python package gguf 0.19.0 reads out of them: some
/// values, and a sum over the bits of all of them.
struct Golden {
  BlockFormat format;
  std::string hex;
  std::map<std::size_t, float> values;
  std::uint32_t sum;
};

class ExpandBlocksGolden : public testing::TestWithParam<Golden> {};

TEST_P(ExpandBlocksGolden, ReadsWhatGgufReads) {
  const auto& [format, hex, values, expected_sum] = GetParam();
  std::vector<std::byte> block;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    block.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }

  const std::vector<float> out = expanded(format, block);

  for (const auto& [position, value] : values) EXPECT_EQ(out.at(position), value) << position;
  std::uint32_t sum = 0;
  for (const float value : out) sum = sum * 31 + std::bit_cast<std::uint32_t>(value);
  EXPECT_EQ(sum, expected_sum);
}

INSTANTIATE_TEST_SUITE_P(
    Formats, ExpandBlocksGolden,
    testing::Values(
        Golden{BlockFormat::q4_0,
               "3f1f76a2e8213f22848383ab0bfec768fe5f",
               {{0, -0x1.cfc0000000000p-7f},
                {15, 0x1.95c8000000000p-5f},
                {16, -0x1.cfc0000000000p-8f},
                {31, -0x1.5bd0000000000p-6f}},
               0x7815f800u},
        Golden{BlockFormat::q5_0,
               "169ca87a3082bca1313ad6a4769c789bc332971c8ce4",
               {{0, 0x1.0580000000000p-6f},
                {15, 0x1.8840000000000p-5f},
                {16, 0x1.46e0000000000p-6f},
                {31, -0x1.c9a0000000000p-5f}},
               0xee76d000u},
        Golden{BlockFormat::q8_0,
               "731cf18672464cf137522172ce7de7b63231467f919c7091d4b1b0c53eac17dab259",
               {{0, -0x1.0af4000000000p-4f},
                {15, 0x1.b406000000000p-3f},
                {16, 0x1.3772000000000p-2f},
                {31, 0x1.8bfb000000000p-2f}},
               0x68ec9400u},
        Golden{BlockFormat::iq4_nl,
               "d09336fccde309328460165cb852b46b7ac2",
               {{0, 0x1.57c0000000000p-6f},
                {15, 0x1.4438000000000p-4f},
                {16, 0x1.fbd0000000000p-5f},
                {31, -0x1.9e10000000000p-5f}},
               0x309d7000u},
        Golden{BlockFormat::q2_k,
               "a463ae8cecb9b15371a1aaf1d2dedd1092ed491e95fcbce2ddbac4e97c565fc872f69f20cfef31809f1e2ab12fdf8de5fe92"
               "8eddbd07d61f4424f1c87a4d7f3104ccf5eb9fc32498c88a768af520ebbbb01a3f16",
               {{0, 0x1.6450000000000p-7f},
                {31, 0x1.5300000000000p-11f},
                {32, -0x1.f3b0000000000p-7f},
                {127, 0x1.6494000000000p-6f},
                {128, -0x1.0f90000000000p-8f},
                {255, -0x1.8fc0000000000p-10f}},
               0x82f62700u},
        Golden{BlockFormat::q3_k,
               "ef54f99bf8769105e8d9109c95a6af78630f9ed1620888b426efa93f641be36d48862dea9e9d83585a4d3dc8b223393f4a6d"
               "616192569be27bb69f6cb9cae8a1b87160bbad499d98507d06cc93e6a46b8ed8dc679b5f49318227a712199431e0341d6efc"
               "08f838b84905fe161e20",
               {{0, -0x0.0p+0f},
                {31, -0x1.8b40000000000p-6f},
                {32, 0x1.cd20000000000p-3f},
                {127, -0x1.0780000000000p-3f},
                {128, 0x1.dd98000000000p-1f},
                {255, 0x1.59d8000000000p-3f}},
               0xb9d15900u},
        Golden{BlockFormat::q4_k,
               "a7a0352047202cabc9212fdbd5bdfa7a584679d70e8248598fcf5ed7f282bf414187030a55a53a8b13cb664c8f1fd9707484"
               "456df264feb85e0e27cc5585af427eda1c4841529ffaf41c4dd44f26f0549f69608e739556fc952a67f956e66a058ccc82ca"
               "fe0a0aa9e1bed27cf036ab7d0c1e3fad851ebe99b324bec8a25377b5ff67eb1eed4af9e9c85a3b8b16df1d44",
               {{0, -0x1.2a65000000000p-1f},
                {31, -0x1.2ee8000000000p-4f},
                {32, -0x1.b99a800000000p+0f},
                {127, -0x1.1676000000000p+1f},
                {128, -0x1.ae87800000000p+1f},
                {255, -0x1.fa7d800000000p+0f}},
               0xe0611cc0u},
        Golden{BlockFormat::q5_k,
               "aba0e798a25068d66857551b9ac4a9d04aefb08daea83d303a099d3094f20c3659ea2e0cacd626a74d08ff46ca28498230a6"
               "5ff2318ba4b202ad1e9b829f4a1c856479fb8771d0d6f3ca0e9a1ef423edd6e9ccc7396cdb1c20bf410f9afca66ad0f4dbfb"
               "4d4c9e625dd1b5e969d1312fd775d5a6635a99bebe3d00a24f0280cf8fd570bc78e1c1596c40f90779fc4a66fc89f6eb5dc1"
               "1019b1d64eb3530fd386583d7c714d787734a3b95081b8d5b6cb",
               {{0, 0x1.8830000000000p-4f},
                {31, -0x1.f78e000000000p+1f},
                {32, -0x1.5bb7f00000000p+1f},
                {127, -0x1.5899800000000p-2f},
                {128, -0x1.4f6f900000000p+1f},
                {255, -0x1.871d140000000p+3f}},
               0x2a6bb5f4u},
        Golden{BlockFormat::q6_k,
               "3ad4087988498d9fa9e1253a6683a7dacd997548005ef0f0163aa47da7e2180c07b26c98d4ea207c20e3c368d892b5a26f5f"
               "d8e097a2ac24b4f1e1b6279bbb8d8442e380e0c1950e9ffc4e4db507e2efd8cd292298b0fad628c9a2f2a61e335b195e38c6"
               "5feb327200d188ecff2a91c7df7e7b765c7223423669a02e65b2e891e66264257da5a7f3a6dd8f0c66321101be1af8d8c9e0"
               "e45db5a4661bb521a043719831e257c043f0f6a4224012456dc1a6b2ac6e0610036c8e8c7b40f74702b2a6cf217b39149b6f"
               "704d7f065aebff9f0a96",
               {{0, 0x1.53b2800000000p+0f},
                {31, 0x1.02ecc00000000p+1f},
                {32, 0x1.c066800000000p-2f},
                {127, 0x1.4f2b000000000p+0f},
                {128, 0x1.fb48000000000p+0f},
                {255, 0x1.4981a00000000p+0f}},
               0xf9a87f80u}),
    [](const auto& test) { return std::string(block_format_name(test.param.format)); });

class BlockBits : public testing::TestWithParam<BlockFormat> {};

TEST_P(BlockBits, PacksWhatItUnpacks) {
  const auto bytes = static_cast<std::size_t>(block_shape(GetParam()).bytes);
  const auto block = std::make_unique<std::byte[]>(bytes);  // of its own, for the address sanitizer
  const auto again = std::make_unique<std::byte[]>(bytes);
  std::mt19937 generator(1);
  BlockFields fields;
  for (int repetition = 0; repetition < 50; ++repetition) {
    std::generate_n(block.get(), bytes, [&] { return static_cast<std::byte>(generator()); });

    unpack_block(GetParam(), block.get(), fields);
    pack_block(GetParam(), fields, again.get());

    ASSERT_EQ(std::memcmp(block.get(), again.get(), bytes), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, BlockBits, testing::ValuesIn(all_block_formats),
                         [](const auto& test) { return std::string(block_format_name(test.param)); });

TEST(ExpandBlocks, ReadsRowsAndBlocksInOrder) {
  // d is 1, 2, ... in the order of the blocks, all codes are 0: two rows of three blocks of q4_0.
  std::vector<std::byte> packed;
  for (int block = 1; block <= 6; ++block) {
    const Float16 d = to_float16(static_cast<float>(block));
    const auto bytes = block_with(BlockFormat::q4_0, {{0, d.bits & 255}, {1, d.bits >> 8}});
    packed.insert(packed.end(), bytes.begin(), bytes.end());
  }
  Matrix<float> out = poisoned_matrix(2, 100);

  expand_blocks(BlockFormat::q4_0, 2, 96, packed, out.view().cols_from(0, 96));

  for (std::int64_t r = 0; r < 2; ++r) {
    for (std::int64_t c = 0; c < 96; ++c) ASSERT_EQ(out.row(r)[c], -8.0f * static_cast<float>(r * 3 + c / 32 + 1));
    EXPECT_TRUE(std::isnan(out.row(r)[96]));
  }
}

TEST(ExpandBlocks, RefusesTheWrongSize) {
  const std::vector<std::byte> packed(211);
  std::vector<float> out(256);

  EXPECT_THAT(
      [&] {
        expand_blocks(BlockFormat::q6_k, 1, 256, packed, {out.data(), 1, 256});
      },
      testing::ThrowsMessage<InputError>("a 1 x 256 matrix in q6_k has 211 bytes, it must have 210"));
}

}  // namespace
}  // namespace pare::test
