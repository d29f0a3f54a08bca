// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/clipped_grid.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

std::vector<std::byte> clip(MatrixView<const float> weight, const std::vector<float>& importance, const Grid& grid) {
  std::vector<std::byte> packed(static_cast<std::size_t>(packed_layout(grid, weight.rows, weight.cols).total_bytes),
                                std::byte{0xee});
  quantize_clipped(weight, importance, grid, packed);
  return packed;
}

std::vector<std::byte> round(MatrixView<const float> weight, const Grid& grid) {
  std::vector<std::byte> packed(static_cast<std::size_t>(packed_layout(grid, weight.rows, weight.cols).total_bytes));
  quantize_round_to_nearest(weight, grid, packed);
  return packed;
}

Matrix<float> restore(const std::vector<std::byte>& packed, MatrixView<const float> weight, const Grid& grid) {
  Matrix<float> values = poisoned_matrix(weight.rows, weight.cols);
  expand_reference({grid, weight.rows, weight.cols, packed}, values.view());
  return values;
}

double error_of(const Matrix<float>& values, MatrixView<const float> weight, const std::vector<float>& importance) {
  double error = 0.0;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t c = 0; c < weight.cols; ++c) {
      const double difference = double{values.row(r)[c]} - weight.row(r)[c];
      error += difference * difference * (importance.empty() ? 1.0 : importance[static_cast<std::size_t>(c)]);
    }
  }
  return error;
}

/// The plain search: every factor of every group, value by value. Returns the restored weights.
Matrix<float> clip_plainly(MatrixView<const float> weight, const std::vector<float>& importance, const Grid& grid) {
  Matrix<float> best = poisoned_matrix(weight.rows, weight.cols);
  const int levels = (1 << grid.bits) - 1;
  const std::int64_t group_size = grid.group_size == 0 ? weight.cols : grid.group_size;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t first = 0; first < weight.cols; first += group_size) {
      const std::int64_t end = std::min(first + group_size, weight.cols);
      float min = 0.0f;
      float max = 0.0f;
      for (std::int64_t c = first; c < end; ++c) min = std::min(min, weight.row(r)[c]);
      for (std::int64_t c = first; c < end; ++c) max = std::max(max, weight.row(r)[c]);
      double least = std::numeric_limits<double>::infinity();
      for (int i = 0; i <= 20; ++i) {
        const float factor = 1.0f - static_cast<float>(i) * 0.025f;
        const double low = min * factor;
        const double high = max * factor;
        const double exact = grid.symmetric ? std::max(high, -low) / (levels / 2.0) : (high - low) / levels;
        const float scale = to_float(to_float16(static_cast<float>(exact)));
        const double zero = grid.symmetric ? (levels + 1) / 2 : std::nearbyint(-low / scale);
        std::vector<float> values;
        double error = 0.0;
        for (std::int64_t c = first; c < end; ++c) {
          const double code = std::clamp(std::nearbyint(weight.row(r)[c] / scale) + zero, 0.0, double(levels));
          values.push_back(scale * static_cast<float>(code - zero));
          const double difference = double{weight.row(r)[c]} - values.back();
          error += difference * difference * (importance.empty() ? 1.0 : importance[static_cast<std::size_t>(c)]);
        }
        if (error < least) {
          least = error;
          std::copy(values.begin(), values.end(), best.row(r) + first);
        }
      }
    }
  }
  return best;
}

std::vector<float> some_importance(std::int64_t cols) {
  std::vector<float> importance(static_cast<std::size_t>(cols));
  for (std::size_t c = 0; c < importance.size(); ++c) importance[c] = static_cast<float>(c * 7 % 13);  // 0 among them
  return importance;
}

TEST(ClippedGrid, KeepsTheWholeRangeWhereNothingIsGained) {
  const float weight[] = {-1.0f, 0.0f, 1.0f, 2.0f};  // on the points of the two-bit grid

  EXPECT_EQ(clip({weight, 1, 4}, {}, {2, 0, false}), round({weight, 1, 4}, {2, 0, false}));
}

TEST(ClippedGrid, ClipsTheOutlierThatCostsTheRestByHand) {
  // Range [0, 3], two bits: points 0, 1, 2, 3, and 0.525 is 0.475 from 1. Shrunk to 0.525 * 3: points 0, 0.525, 1.05,
  // 1.575; the five weights are exact (but for binary16), the outlier loses 1.425^2 * its importance.
  const std::vector<float> weight{3.0f, 0.525f, 0.525f, 0.525f, 0.525f, 0.525f};
  const Grid grid{2, 0, false};
  const MatrixView<const float> view{weight.data(), 1, 6};

  const Matrix<float> clipped = restore(clip(view, {0.001f, 1, 1, 1, 1, 1}, grid), view, grid);
  const Matrix<float> guarded = restore(clip(view, {1000, 1, 1, 1, 1, 1}, grid), view, grid);

  EXPECT_NEAR(clipped.data()[0], 1.575f, 0.001f);
  EXPECT_NEAR(clipped.data()[5], 0.525f, 0.0003f);
  EXPECT_EQ(guarded.data()[0], 3.0f);
  EXPECT_EQ(guarded.data()[5], 1.0f);
}

class ClippedGrids : public testing::TestWithParam<std::tuple<int, int, bool>> {
 protected:
  Grid grid() const { return {std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())}; }
};

TEST_P(ClippedGrids, AgreeWithThePlainSearch) {
  const Matrix<float> weight = random_matrix(7, 172, 5, 0.05f);
  for (const std::vector<float>& importance : {std::vector<float>{}, some_importance(172)}) {
    const Matrix<float> values = restore(clip(weight.view(), importance, grid()), weight.view(), grid());

    const Matrix<float> expected = clip_plainly(weight.view(), importance, grid());
    EXPECT_TRUE(same_bits(values.view(), expected.view()));
  }
}

TEST_P(ClippedGrids, AreNeverWorseThanRoundToNearestInAnyGroup) {
  const Matrix<float> weight = random_matrix(9, 176, 6, 0.05f);
  const std::vector<float> importance = some_importance(176);
  const std::int64_t group_size = grid().group_size == 0 ? 176 : grid().group_size;
  const Grid whole{grid().bits, 0, grid().symmetric};
  double clipped_total = 0.0;
  double rounded_total = 0.0;
  for (std::int64_t r = 0; r < 9; ++r) {
    for (std::int64_t first = 0; first < 176; first += group_size) {
      const std::int64_t count = std::min<std::int64_t>(group_size, 176 - first);
      const auto part = MatrixView<const float>(weight.view()).rows_from(r, 1).cols_from(first, count);
      const std::vector<float> factors(importance.begin() + first, importance.begin() + first + count);
      const double clipped = error_of(restore(clip(part, factors, whole), part, whole), part, factors);
      const double rounded = error_of(restore(round(part, whole), part, whole), part, factors);
      // The orders of both sums differ: 256 binary64 additions.
      ASSERT_LE(clipped, rounded * (1.0 + 256 * 0x1p-52)) << r << ", " << first;
      clipped_total += clipped;
      rounded_total += rounded;
    }
  }
  if (grid().bits <= 4) {
    EXPECT_LT(clipped_total, 0.99 * rounded_total);
  }
}

TEST_P(ClippedGrids, BytesDependOnNeitherThreadsNorPlace) {
  const Matrix<float> wide = random_matrix(53, 180, 7, 0.05f);
  const auto part = MatrixView<const float>(wide.view()).cols_from(3, 172);
  Matrix<float> copy(53, 172);
  for (std::int64_t r = 0; r < 53; ++r) std::copy_n(part.row(r), 172, copy.row(r));
  const auto with = [&](int threads, MatrixView<const float> weight) {
    const WithThreads with_threads(threads);
    return clip(weight, some_importance(172), grid());
  };

  EXPECT_EQ(with(1, copy.view()), with(3, part));
}

INSTANTIATE_TEST_SUITE_P(Grids, ClippedGrids,
                         testing::Combine(testing::Values(2, 3, 4, 8), testing::Values(0, 8, 64), testing::Bool()));

TEST(ClippedGrid, HoldsZeroTinyAndHugeGroups) {
  const Grid grid{2, 8, false};
  std::vector<float> weight(24, 0.0f);
  std::fill_n(weight.begin() + 8, 8, 3e-45f);
  weight[16] = 3 * 65504.0f;

  const Matrix<float> values = restore(clip({weight.data(), 1, 24}, {}, grid), {weight.data(), 1, 24}, grid);

  for (int c = 0; c < 16; ++c) EXPECT_NEAR(values.data()[c], 0.0f, 0x1p-25f) << c;
  EXPECT_EQ(values.data()[16], 3 * 65504.0f);
}

TEST(ClippedGrid, NamesWhatItCannotUse) {
  using testing::HasSubstr;
  using testing::ThrowsMessage;
  const Grid grid{4, 0, true};
  std::vector<float> weight{1.0f, NAN};
  EXPECT_THAT(
      [&] {
        clip({weight.data(), 1, 2}, {}, grid);
      },
      ThrowsMessage<InputError>(HasSubstr("row 0, column 1 is nan and cannot be quantized")));
  weight[1] = 1e7f;
  EXPECT_THAT([&] { clip({weight.data(), 1, 2}, {}, grid); }, ThrowsMessage<InputError>(HasSubstr("at most 65504")));
  weight[1] = 1.0f;
  EXPECT_THAT(
      [&] {
        clip({weight.data(), 1, 2}, {1.0f, -2.0f}, grid);
      },
      ThrowsMessage<InputError>(testing::StrEq("the importance of column 1 is -2 and cannot weigh an error, it "
                                               "must be finite and not negative")));
  EXPECT_THAT(
      [&] {
        clip({weight.data(), 1, 2}, {INFINITY, 1.0f}, grid);
      },
      ThrowsMessage<InputError>(HasSubstr("column 0 is inf")));
}

}  // namespace
}  // namespace pare::test
