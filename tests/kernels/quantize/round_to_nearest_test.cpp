// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/round_to_nearest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/quantize/expand.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

std::vector<std::byte> quantize(MatrixView<const float> weight, const Grid& grid) {
  const auto bytes = static_cast<std::size_t>(packed_layout(grid, weight.rows, weight.cols).total_bytes);
  std::vector<std::byte> packed(bytes, std::byte{0xee});
  quantize_round_to_nearest(weight, grid, packed);
  return packed;
}

std::vector<float> restore(MatrixView<const float> weight, const Grid& grid) {
  const std::vector<std::byte> packed = quantize(weight, grid);
  std::vector<float> values(static_cast<std::size_t>(weight.rows * weight.cols));
  expand_reference({grid, weight.rows, weight.cols, packed}, {values.data(), weight.rows, weight.cols});
  return values;
}

TEST(PackedLayout, CountsScalesZerosAndCodes) {
  const PackedLayout layout = packed_layout({3, 32, false}, 10, 172);

  EXPECT_EQ(layout.groups, 6);
  EXPECT_EQ(layout.zeros_row_bytes, 3);   // 18 bits
  EXPECT_EQ(layout.codes_row_bytes, 65);  // 516 bits
  EXPECT_EQ(layout.zeros_offset, 120);
  EXPECT_EQ(layout.codes_offset, 150);
  EXPECT_EQ(layout.total_bytes, 800);
  EXPECT_EQ(packed_layout({4, 0, true}, 10, 172).total_bytes, 20 + 860);
}

TEST(PackedLayout, RefusesWhatNoGridCanBe) {
  using testing::HasSubstr;
  using testing::ThrowsMessage;
  EXPECT_THAT([] { packed_layout({9, 0, true}, 1, 1); }, ThrowsMessage<InputError>(HasSubstr("9 bits, use 2 to 8")));
  EXPECT_THAT([] { packed_layout({1, 0, true}, 1, 1); }, ThrowsMessage<InputError>(HasSubstr("1 bits")));
  EXPECT_THAT([] { packed_layout({4, 12, true}, 1, 1); }, ThrowsMessage<InputError>(HasSubstr("group of 12")));
  EXPECT_THAT([] { packed_layout({4, -8, true}, 1, 1); }, ThrowsMessage<InputError>(HasSubstr("group of -8")));
  EXPECT_THAT([] { packed_layout({4, 8, true}, 0, 5); }, ThrowsMessage<InputError>(HasSubstr("0 x 5 is empty")));
}

TEST(RoundToNearest, RoundsAndPacksByHand) {
  // Range [-1, 2], two bits: s = 3 / 3 = 1, z = 1. Codes: -1 -> 0, 0 -> 1, 0.5 -> 1 (half to even: 0), 1.5 ->
  // 3, 2 -> 3.
  const float weight[] = {-1.0f, 0.0f, 0.5f, 1.5f, 2.0f};

  const std::vector<std::byte> packed = quantize({weight, 1, 5}, {2, 0, false});

  const std::vector<std::byte> expected{std::byte{0x00}, std::byte{0x3c}, std::byte{0b01}, std::byte{0b11'01'01'00},
                                        std::byte{0b11}};
  EXPECT_EQ(packed, expected);
}

TEST(RoundToNearest, UsesTheSymmetricScaleOfCompressedTensors) {
  const float weight[] = {-7.5f, 7.5f, 1.0f, -1.0f};  // s = 7.5 / 7.5 = 1, codes 8 + (-8, 7, 1, -1)

  EXPECT_THAT(restore({weight, 1, 4}, {4, 0, true}), testing::ElementsAre(-8.0f, 7.0f, 1.0f, -1.0f));
}

class RoundToNearestGrids : public testing::TestWithParam<std::tuple<int, int, bool>> {
 protected:
  Grid grid() const { return {std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())}; }
};

TEST_P(RoundToNearestGrids, ErrorIsAtMostHalfAStepInsideTheGrid) {
  const Matrix<float> weight = random_matrix(11, 172, 1, 0.05f);
  const std::vector<std::byte> packed = quantize(weight.view(), grid());
  const std::vector<float> values = restore(weight.view(), grid());
  const PackedLayout layout = packed_layout(grid(), 11, 172);
  const std::int64_t group_size = grid().group_size == 0 ? 172 : grid().group_size;
  for (std::int64_t r = 0; r < 11; ++r) {
    for (std::int64_t c = 0; c < 172; ++c) {
      Float16 scale;
      std::memcpy(&scale, packed.data() + (r * layout.groups + c / group_size) * 2, 2);
      const float s = to_float(scale);
      const double error = std::abs(double{values[static_cast<std::size_t>(r * 172 + c)]} - weight.row(r)[c]);
      // Beyond the ends of the grid: binary16 may have rounded s down by 2^-11 over up to 255 steps, z is
      // rounded by half a step, and a symmetric grid's highest point lies half a step below max|w|.
      ASSERT_LE(error, s * (0.5 + 255 * 0x1p-11 + 0.5)) << r << ", " << c;
      float lowest = values[static_cast<std::size_t>(r * 172 + c)];
      float highest = lowest;
      for (std::int64_t i = c / group_size * group_size;
           i < std::min<std::int64_t>(172, (c / group_size + 1) * group_size); ++i) {
        lowest = std::min(lowest, values[static_cast<std::size_t>(r * 172 + i)]);
        highest = std::max(highest, values[static_cast<std::size_t>(r * 172 + i)]);
      }
      const bool inside = weight.row(r)[c] >= lowest && weight.row(r)[c] <= highest;
      ASSERT_TRUE(!inside || error <= s * 0.50001) << r << ", " << c << ": " << error << " for a step of " << s;
    }
  }
}

TEST_P(RoundToNearestGrids, BytesDoNotDependOnThreads) {
  const Matrix<float> weight = random_matrix(101, 172, 1, 0.05f);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return quantize(weight.view(), grid());
  };

  EXPECT_EQ(with(1), with(3));
}

TEST_P(RoundToNearestGrids, ZerosStayZero) {
  std::vector<float> weight(172, 0.0f);
  EXPECT_THAT(restore({weight.data(), 1, 172}, grid()), testing::Each(0.0f));

  weight[0] = 1.0f;  // zero lies on every grid
  const std::vector<float> values = restore({weight.data(), 1, 172}, grid());
  EXPECT_THAT(std::vector<float>(values.begin() + 1, values.end()), testing::Each(0.0f));
}

TEST_P(RoundToNearestGrids, TinyWeightsUseTheSmallestScale) {
  const std::vector<float> weight(172, 3e-9f);

  const std::vector<float> values = restore({weight.data(), 1, 172}, grid());

  EXPECT_THAT(values, testing::Each(testing::FloatNear(3e-9f, 0x1p-25f)));
}

INSTANTIATE_TEST_SUITE_P(Grids, RoundToNearestGrids,
                         testing::Combine(testing::Values(2, 3, 4, 5, 6, 7, 8), testing::Values(0, 8, 32, 128),
                                          testing::Bool()));

TEST(RoundToNearest, RestoresConstantRows) {
  for (const float value : {0.5f, -0.5f, 1024.0f}) {
    const std::vector<float> weight(40, value);

    EXPECT_THAT(restore({weight.data(), 1, 40}, {4, 0, false}),
                testing::Each(testing::FloatNear(value, 0x1p-11f * std::abs(value))));
  }
}

TEST(RoundToNearest, HoldsTheLargestScaleAndRefusesMore) {
  const float most = 65504.0f;
  const float weight[] = {0.0f, 3 * most};
  EXPECT_THAT(restore({weight, 1, 2}, {2, 0, false}), testing::ElementsAre(0.0f, 3 * most));

  const float beyond[] = {
      0.0f, 1.0f, 0.0f, 1e30f, -std::numeric_limits<float>::max(), std::numeric_limits<float>::max()};
  EXPECT_THAT(
      [&] {
        quantize({beyond, 3, 2}, {2, 0, false});
      },
      testing::ThrowsMessage<InputError>(
          testing::AllOf(testing::HasSubstr("row 1 from column 0 on"), testing::HasSubstr("at most 65504"))));
  EXPECT_THAT(
      [&] {
        quantize({beyond + 4, 1, 2}, {8, 0, true});
      },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("need a scale of")));
}

TEST(RoundToNearest, NamesTheFirstWeightThatIsNotFinite) {
  Matrix<float> weight = random_matrix(100, 20, 1);
  weight.row(97)[3] = NAN;
  weight.row(40)[7] = -std::numeric_limits<float>::infinity();
  for (const int threads : {1, 2, 3}) {
    const WithThreads with_threads(threads);

    EXPECT_THAT(
        [&] {
          quantize(weight.view(), {4, 8, true});
        },
        testing::ThrowsMessage<InputError>(testing::HasSubstr("row 40, column 7 is -inf")));
  }
}

}  // namespace
}  // namespace pare::test
