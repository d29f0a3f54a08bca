// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <vector>

#include "kernels/core/error.hpp"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/group_grid.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// What a matrix becomes on a grid, clipped or not; expand and its reference must agree.
std::vector<float> restored(MatrixView<const float> weight, const Grid& grid, bool clip) {
  std::vector<std::byte> packed(static_cast<std::size_t>(packed_layout(grid, weight.rows, weight.cols).total_bytes),
                                std::byte{0xee});
  if (clip) {
    quantize_clipped(weight, {}, grid, packed);
  } else {
    quantize_round_to_nearest(weight, grid, packed);
  }
  Matrix<float> fast(weight.rows, weight.cols), plain(weight.rows, weight.cols);
  expand({grid, weight.rows, weight.cols, packed}, fast.view());
  expand_reference({grid, weight.rows, weight.cols, packed}, plain.view());
  const std::vector<float> values(fast.data(), fast.data() + fast.size());
  EXPECT_EQ(values, std::vector<float>(plain.data(), plain.data() + plain.size()));
  return values;
}

TEST(TensorGrid, StoresOneScaleAndOneZero) {
  EXPECT_EQ(packed_layout({3, 0, false, true}, 10, 172).total_bytes, 2 + 1 + 10 * 65);
  EXPECT_EQ(packed_layout({4, 0, true, true}, 10, 172).total_bytes, 2 + 10 * 86);
  EXPECT_THAT(
      [] {
        packed_layout({4, 32, true, true}, 10, 172);
      },
      ThrowsMessage<InputError>(HasSubstr("one scale for the whole tensor leaves no groups of 32")));
}

TEST(TensorGrid, IsTheGridOfAllWeightsInOneRow) {
  const Matrix<float> weight = random_matrix(11, 176, 1, 0.05f);
  const MatrixView<const float> one_row(weight.data(), 1, 11 * 176);
  for (const int bits : {2, 3, 5, 8})
    for (const bool symmetric : {false, true})
      for (const bool clip : {false, true})
        EXPECT_EQ(restored(weight.view(), {bits, 0, symmetric, true}, clip),
                  restored(one_row, {bits, 0, symmetric}, clip))
            << bits << symmetric << clip;
}

TEST(TensorGrid, HoldsRowsThatEndWithinAByte) {
  const Matrix<float> weight = random_matrix(7, 43, 2, 0.05f);
  const std::vector<float> values = restored(weight.view(), {8, 0, false, true}, false);
  for (std::int64_t i = 0; i < weight.size(); ++i)
    EXPECT_NEAR(values[static_cast<std::size_t>(i)], weight.data()[i], 0.002f);
}

TEST(TensorGrid, BytesDoNotDependOnThreads) {
  const Matrix<float> weight = random_matrix(101, 172, 3, 0.05f);
  for (const bool clip : {false, true}) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 3}) {
      const WithThreads with(threads);
      results.push_back(restored(weight.view(), {3, 0, false, true}, clip));
    }
    EXPECT_EQ(results[0], results[1]);
  }
}

TEST(TensorGrid, WeighsErrorsByImportance) {
  Matrix<float> weight = random_matrix(4, 64, 4, 0.05f);
  weight.row(2)[7] = 3.0f;  // an outlier in a column that does not matter
  std::vector<float> importance(64, 1.0f);
  importance[7] = 0.0f;
  const GroupRange range = range_of_tensor(weight.view());
  const Grid grid{4, 0, true, true};

  const GroupGrid clipped = clipped_tensor_grid(weight.view(), importance.data(), range, grid);

  EXPECT_LT(to_float(clipped.scale), 0.51f * to_float(min_max_grid(range, grid).scale));
}

TEST(TensorGrid, RefusesWhatBinary16CannotScale) {
  Matrix<float> weight = random_matrix(2, 16, 5, 0.05f);
  weight.row(1)[3] = 1e6f;
  EXPECT_THAT(
      [&] {
        restored(weight.view(), {2, 0, true, true}, false);
      },
      ThrowsMessage<InputError>(HasSubstr("a binary16 scale is at most 65504")));
  weight.row(1)[3] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(
      [&] {
        restored(weight.view(), {2, 0, true, true}, true);
      },
      ThrowsMessage<InputError>(HasSubstr("row 1, column 3")));
}

TEST(TensorGrid, ServesTheIntegerGemm) {
  const Matrix<float> weight = random_matrix(5, 24, 6, 0.05f);
  const Grid grid{8, 0, true, true};
  std::vector<std::byte> packed(static_cast<std::size_t>(packed_layout(grid, 5, 24).total_bytes));
  quantize_round_to_nearest(weight.view(), grid, packed);
  Matrix<std::int8_t> codes(5, 24);
  std::vector<float> scales(5);
  Matrix<float> values(5, 24);

  expand_int8({grid, 5, 24, packed}, codes.view(), scales);
  expand({grid, 5, 24, packed}, values.view());

  EXPECT_THAT(scales, testing::Each(scales[0]));
  for (std::int64_t r = 0; r < 5; ++r)
    for (std::int64_t c = 0; c < 24; ++c)
      EXPECT_EQ(scales[static_cast<std::size_t>(r)] * codes.row(r)[c], values.row(r)[c]);
}

}  // namespace
}  // namespace pare::test
