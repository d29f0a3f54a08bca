// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "kernels/transformer/bf16_tile.hpp"
#include "kernels/transformer/head_launch.hpp"

namespace pare::kernels::detail {
namespace {

TEST(Bf16Tile, EveryChunkHasItsOwnPlace) {
  for (const int values : {64, 128}) {
    std::set<int> places;
    for (int row = 0; row < 32; ++row) {
      for (int chunk = 0; chunk < values / chunk_values; ++chunk) places.insert(tile_offset(row, chunk, values));
    }

    EXPECT_EQ(places.size(), static_cast<std::size_t>(32 * values / chunk_values));
    EXPECT_EQ(*places.rbegin(), (32 * values) - chunk_values);
  }
}

TEST(Bf16Tile, EightRowsOfAChunkCoverAllBanks) {
  for (const int values : {64, 128}) {
    for (int chunk = 0; chunk < values / chunk_values; ++chunk) {
      std::set<int> banks;
      for (int row = 8; row < 16; ++row) banks.insert(tile_offset(row, chunk, values) * 2 / 16 % 8);

      EXPECT_EQ(banks.size(), 8u) << values << " " << chunk;
    }
  }
}

TEST(Bf16Tile, RowsOf64FollowTheSwizzleOf128Bytes) {
  for (int row = 0; row < 16; ++row) {
    for (int chunk = 0; chunk < 8; ++chunk) {
      const int plain = row * 128 + chunk * 16;

      EXPECT_EQ(tile_offset(row, chunk, 64) * 2, plain ^ ((plain >> 7 & 7) << 4));
    }
  }
}

TEST(Bf16Tile, FragmentsArriveInTheOrderOfTheInstruction) {
  // Lanes 8 m to 8 m + 7 point at the rows of matrix m, which fills register m.
  EXPECT_EQ(place_of_a(9).row, 9);  // register 1 of A: rows 8 to 15, the first eight columns
  EXPECT_EQ(place_of_a(9).chunk, 0);
  EXPECT_EQ(place_of_a(17).row, 1);  // register 2: rows 0 to 7, the next eight
  EXPECT_EQ(place_of_a(17).chunk, 1);
  EXPECT_EQ(place_of_b(9).row, 1);  // register 1 of B: the same columns, the next eight of the depth
  EXPECT_EQ(place_of_b(9).chunk, 1);
  EXPECT_EQ(place_of_b(17).row, 9);
  EXPECT_EQ(place_of_b(17).chunk, 0);
}

TEST(HeadPlaces, EveryTileMeetsEverySpanOnce) {
  for (const std::int64_t tiles : {1, 5, 16, 17, 40}) {
    for (const int spans : {1, 3, 126}) {
      std::vector<int> met(static_cast<std::size_t>(tiles * spans));
      for (std::int64_t block = 0; block < tiles * spans; ++block) {
        const HeadPlace place = head_place(block, tiles, spans);
        ASSERT_LT(place.token_tile, tiles);
        ASSERT_LT(place.span, spans);
        ++met[static_cast<std::size_t>(place.token_tile * spans + place.span)];
      }

      EXPECT_EQ(std::count(met.begin(), met.end(), 1), tiles * spans);
    }
  }
}

}  // namespace
}  // namespace pare::kernels::detail
