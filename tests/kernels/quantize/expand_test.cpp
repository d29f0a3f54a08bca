// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/expand.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

TEST(ExpandReference, ReadsTheThreePartsByHand) {
  // One row of nine codes of four bits in two groups of eight: scales 1 and 2, zeros 1 and 3.
  const std::vector<std::byte> block{std::byte{0x00}, std::byte{0x3c}, std::byte{0x00}, std::byte{0x40},  // 1.0, 2.0
                                     std::byte{0x31},                                                     // zeros 1, 3
                                     std::byte{0x10}, std::byte{0x32}, std::byte{0x54}, std::byte{0xf6},
                                     std::byte{0x0f}};
  std::vector<float> out(9, NAN);

  expand_reference({{4, 8, false}, 1, 9, block}, {out.data(), 1, 9});

  EXPECT_THAT(out, testing::ElementsAre(-1, 0, 1, 2, 3, 4, 5, 14, 24));
}

TEST(ExpandReference, SymmetricGridsHaveTheirZeroInTheMiddle) {
  const std::vector<std::byte> block{std::byte{0x00}, std::byte{0x38}, std::byte{0b11'10'01'00}};  // 0.5; codes 0 to 3
  std::vector<float> out(4, NAN);

  expand_reference({{2, 0, true}, 1, 4, block}, {out.data(), 1, 4});

  EXPECT_THAT(out, testing::ElementsAre(-1.0f, -0.5f, 0.0f, 0.5f));
}

class Expand : public testing::TestWithParam<std::tuple<int, int, bool>> {
 protected:
  Grid grid() const { return {std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())}; }
};

TEST_P(Expand, EqualsTheReferenceBitForBit) {
  for (const std::int64_t cols : {1, 8, 20, 64, 172, 333}) {
    const Matrix<float> weight = random_matrix(13, cols, 1, 0.05f);
    const auto bytes = static_cast<std::size_t>(packed_layout(grid(), 13, cols).total_bytes);
    const auto block = std::make_unique<std::byte[]>(bytes);  // of its own, for the address sanitizer
    quantize_round_to_nearest(weight.view(), grid(), {block.get(), bytes});
    const PackedView packed{grid(), 13, cols, {block.get(), bytes}};
    Matrix<float> expected = poisoned_matrix(13, cols);
    expand_reference(packed, expected.view());
    for (const int threads : {1, 2}) {
      const WithThreads with_threads(threads);
      Matrix<float> wide = poisoned_matrix(13, cols + 5);
      Matrix<BFloat16> rounded(13, cols);

      expand(packed, wide.view().cols_from(0, cols));
      expand(packed, rounded.view());

      ASSERT_TRUE(same_bits(wide.view().cols_from(0, cols), expected.view())) << cols;
      for (std::int64_t r = 0; r < 13; ++r) EXPECT_TRUE(std::isnan(wide.row(r)[cols]));
      for (std::int64_t i = 0; i < rounded.size(); ++i) {
        ASSERT_EQ(rounded.data()[i].bits, to_bfloat16(expected.data()[i]).bits) << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Grids, Expand,
                         testing::Combine(testing::Values(2, 3, 4, 5, 6, 7, 8), testing::Values(0, 8, 32, 128),
                                          testing::Bool()));

TEST(ExpandInt8, CodesTimesScalesAreTheValues) {
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    const Grid grid{bits, 0, true};
    const Matrix<float> weight = random_matrix(9, 172, 1, 0.05f);
    std::vector<std::byte> block(static_cast<std::size_t>(packed_layout(grid, 9, 172).total_bytes));
    quantize_round_to_nearest(weight.view(), grid, block);
    Matrix<float> expected = poisoned_matrix(9, 172);
    expand_reference({grid, 9, 172, block}, expected.view());
    Matrix<std::int8_t> codes(9, 172);
    std::vector<float> scales(9, NAN);

    expand_int8({grid, 9, 172, block}, codes.view(), scales);

    for (std::int64_t r = 0; r < 9; ++r) {
      for (std::int64_t c = 0; c < 172; ++c) {
        ASSERT_EQ(scales[static_cast<std::size_t>(r)] * static_cast<float>(codes.row(r)[c]), expected.row(r)[c]);
      }
    }
  }
}

TEST(ExpandInt8, RefusesGridsThatAnInt8GemmCannotUse) {
  Matrix<std::int8_t> codes(1, 16);
  std::vector<float> scales(1);
  for (const Grid& grid : {Grid{4, 0, false}, Grid{4, 8, true}}) {
    std::vector<std::byte> block(static_cast<std::size_t>(packed_layout(grid, 1, 16).total_bytes));

    EXPECT_THAT(
        [&] {
          expand_int8({grid, 1, 16, block}, codes.view(), scales);
        },
        testing::ThrowsMessage<InputError>(testing::HasSubstr("needs a symmetric grid with one group a row")));
  }
}

TEST(Expand, RefusesABlockOfTheWrongSize) {
  const std::vector<std::byte> block(11);
  std::vector<float> out(16);

  EXPECT_THAT(
      [&] {
        expand({{4, 0, true}, 1, 16, block}, MatrixView<float>(out.data(), 1, 16));
      },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("has 11 bytes, it must have 10")));
}

}  // namespace
}  // namespace pare::test
