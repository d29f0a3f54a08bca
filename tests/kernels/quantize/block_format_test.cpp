// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/block_format.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(BlockFormat, HasTheSizesOfGguf) {
  const std::vector<BlockShape> expected{{32, 18},   {32, 22},   {32, 34},   {32, 18},  {256, 84},
                                         {256, 110}, {256, 144}, {256, 176}, {256, 210}};
  std::vector<BlockShape> shapes;

  for (const BlockFormat format : all_block_formats) shapes.push_back(block_shape(format));

  EXPECT_EQ(shapes, expected);
}

TEST(BlockFormat, IsFoundByItsName) {
  for (const BlockFormat format : all_block_formats) EXPECT_EQ(block_format_named(block_format_name(format)), format);
  EXPECT_EQ(block_format_name(BlockFormat::iq4_nl), "iq4_nl");
  EXPECT_EQ(block_format_named("q4_k"), BlockFormat::q4_k);
  EXPECT_EQ(block_format_named("Q4_K"), std::nullopt);
  EXPECT_EQ(block_format_named("q4_1"), std::nullopt);
  EXPECT_EQ(block_format_named(""), std::nullopt);
}

TEST(BlocksBytes, CountsWholeBlocksOfARow) {
  EXPECT_EQ(blocks_bytes(BlockFormat::q8_0, 3, 64), 3 * 2 * 34);
  EXPECT_EQ(blocks_bytes(BlockFormat::q6_k, 5, 512), 5 * 2 * 210);
  EXPECT_EQ(blocks_bytes(BlockFormat::q4_k, std::int64_t{1} << 20, 65536), (std::int64_t{1} << 28) * 144);
}

TEST(BlocksBytes, NamesAFormatThatFits) {
  const auto message = [](BlockFormat format, std::int64_t cols) -> std::string {
    try {
      blocks_bytes(format, 1, cols);
    } catch (const InputError& error) {
      return error.what();
    }
    return {};
  };

  EXPECT_EQ(message(BlockFormat::q4_k, 288),
            "a row of 288 weights cannot be cut into the blocks of 256 of q4_k, use q5_0, whose blocks have 32");
  EXPECT_EQ(message(BlockFormat::q8_0, 100),
            "a row of 100 weights cannot be cut into the blocks of 32 of q8_0, no block format fits, leave this matrix "
            "as it is");
  EXPECT_THAT(message(BlockFormat::q2_k, 32), testing::HasSubstr("use iq4_nl,"));
  EXPECT_THAT(message(BlockFormat::q3_k, 128), testing::HasSubstr("use iq4_nl,"));
  EXPECT_THAT(message(BlockFormat::q5_k, 864), testing::HasSubstr("use q8_0,"));
  EXPECT_THAT(message(BlockFormat::q6_k, 864), testing::HasSubstr("use q8_0,"));
  EXPECT_THAT(message(BlockFormat::q6_k, 100), testing::HasSubstr("no block format fits"));
  EXPECT_THAT(message(BlockFormat::q6_k, 0), testing::HasSubstr("1 x 0 is empty"));
}

}  // namespace
}  // namespace pare::test
