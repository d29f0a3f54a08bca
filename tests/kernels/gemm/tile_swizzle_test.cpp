// SPDX-License-Identifier: Apache-2.0
#include "kernels/gemm/tile_swizzle.hpp"

#include <gtest/gtest.h>

#include <set>

namespace pare::test {
namespace {

using kernels::detail::swizzled_offset;

TEST(TileSwizzle, KeepsEveryPieceApart) {
  for (const int row_bytes : {64, 128, 256}) {
    std::set<int> offsets;
    for (int row = 0; row < 32; ++row) {
      for (int chunk = 0; chunk < row_bytes / 16; ++chunk) offsets.insert(swizzled_offset(row, chunk, row_bytes));
    }

    EXPECT_EQ(static_cast<int>(offsets.size()), 32 * row_bytes / 16);
    EXPECT_EQ(*offsets.rbegin(), 32 * row_bytes - 16);
  }
}

TEST(TileSwizzle, SpreadsWhatIsReadAtOnceOverAllBanks) {
  for (const int row_bytes : {64, 128, 256}) {
    for (int row = 0; row < 32; row += 8) {
      for (int chunk = 0; chunk < row_bytes / 16; ++chunk) {
        std::set<int> banks;
        for (int i = 0; i < 8; ++i) banks.insert(swizzled_offset(row + i, chunk, row_bytes) % 128);

        EXPECT_EQ(static_cast<int>(banks.size()), 8) << "rows of " << row_bytes << " bytes, piece " << chunk;
      }
    }
  }
}

}  // namespace
}  // namespace pare::test
