// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <utility>
#include <vector>

#include "kernels/quantize/block_bits.hpp"
#include "kernels/quantize/expand_blocks.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

/// Random bytes whose binary16 scales are finite.
std::vector<std::byte> random_blocks(BlockFormat format, std::int64_t rows, std::int64_t cols) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(blocks_bytes(format, rows, cols)));
  std::mt19937 generator(static_cast<unsigned>(cols));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator());
  const auto size = static_cast<std::size_t>(block_shape(format).bytes);
  for (std::size_t at = 0; at < bytes.size(); at += size) {
    BlockFields fields;
    unpack_block(format, bytes.data() + at, fields);
    fields.d.bits &= 0xbfffu;
    fields.dmin.bits &= 0xbfffu;
    pack_block(format, fields, bytes.data() + at);
  }
  return bytes;
}

using ExpandBlocksCuda = CudaTest;

TEST_F(ExpandBlocksCuda, EqualsTheHostBitForBitInEveryFormat) {
  for (const BlockFormat format : all_block_formats) {
    const std::int64_t weights = block_shape(format).weights;
    // Blocks a row: one; odd; more and fewer than the 32 or 256 of a CTA, which the rows straddle.
    for (const auto& [rows, blocks] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {67, 1}, {7, 5}, {3, 33}, {5, 300}}) {
      const std::int64_t cols = blocks * weights;
      const std::vector<std::byte> bytes = random_blocks(format, rows, cols);
      Matrix<float> expected(rows, cols);
      expand_blocks(format, rows, cols, bytes, expected.view());
      const DeviceBlocks there(format, rows, cols, bytes, stream());
      for (const std::int64_t wider : {0, 8, 3}) {
        DeviceMatrix<float> wide = poisoned_on_device<float>(rows, cols + wider);
        DeviceMatrix<BFloat16> rounded = poisoned_on_device<BFloat16>(rows, cols + wider);

        expand_blocks(there.view(), wide.view().cols_from(0, cols), stream());
        expand_blocks(there.view(), rounded.view().cols_from(0, cols), stream());

        const Matrix<float> whole = on_host(wide, stream());
        const Matrix<BFloat16> whole_rounded = on_host(rounded, stream());
        ASSERT_TRUE(same_bits(whole.view().cols_from(0, cols), expected.view()))
            << block_format_name(format) << ' ' << rows << " x " << cols << " + " << wider;
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t c = 0; c < cols; ++c) {
            ASSERT_EQ(whole_rounded.row(r)[c].bits, to_bfloat16(expected.row(r)[c]).bits) << r << ", " << c;
          }
          for (std::int64_t c = cols; c < cols + wider; ++c) {
            ASSERT_TRUE(std::isnan(whole.row(r)[c]));
            ASSERT_EQ(whole_rounded.row(r)[c].bits, 0xffffu);
          }
        }
      }
    }
  }
}

TEST_F(ExpandBlocksCuda, RefusesBytesOfTheWrongNumber) {
  const std::vector<std::byte> bytes(19);

  EXPECT_THAT([&] { DeviceBlocks(BlockFormat::q4_0, 1, 32, bytes, stream()); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("has 19 bytes, it must have 18")));
}

}  // namespace
}  // namespace pare::test
