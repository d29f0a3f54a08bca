// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>
#include <vector>

#include "kernels/quantize/divide_columns.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/kernels/cuda_test.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;

class ExpandCuda : public CudaTest {
 protected:
  static std::vector<std::byte> packed(const Grid& grid, std::int64_t rows, std::int64_t cols) {
    const Matrix<float> weight = random_matrix(rows, cols, static_cast<unsigned>(cols), 0.05f);
    std::vector<std::byte> block(static_cast<std::size_t>(packed_layout(grid, rows, cols).total_bytes));
    quantize_round_to_nearest(weight.view(), grid, block);
    return block;
  }
};

// Odd, beyond a thread's eight, a CTA's 2048 and 4096 columns and its four rows; groups that end in the middle of a row.
const std::vector<std::pair<std::int64_t, std::int64_t>> shapes{{1, 1},    {5, 20},   {4, 64},
                                                                {13, 333}, {9, 2056}, {6, 4304}};

TEST_F(ExpandCuda, EqualsTheHostBitForBitOnEveryGrid) {
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    for (const int group_size : {0, 8, 24, 128}) {
      for (const bool symmetric : {false, true}) {
        for (const auto& [rows, cols] : shapes) {
          const Grid grid{bits, group_size, symmetric};
          const std::vector<std::byte> block = packed(grid, rows, cols);
          const PackedView view{grid, rows, cols, block};
          Matrix<float> expected(rows, cols);
          expand(view, expected.view());
          const DevicePacked there(view, stream());

          // 16-byte rows, odd rows, and some columns of a wider matrix.
          for (const std::int64_t wider : {std::int64_t{0}, 8 - cols % 8, std::int64_t{5}}) {
            DeviceMatrix<float> wide = poisoned_on_device<float>(rows, cols + wider);
            DeviceMatrix<BFloat16> rounded = poisoned_on_device<BFloat16>(rows, cols + wider);
            expand(there.view(), wide.view().cols_from(0, cols), stream());
            expand(there.view(), rounded.view().cols_from(0, cols), stream());

            const Matrix<float> whole = on_host(wide, stream());
            const Matrix<BFloat16> whole_rounded = on_host(rounded, stream());
            ASSERT_TRUE(same_bits(whole.view().cols_from(0, cols), expected.view()))
                << bits << " bits, groups of " << group_size << ", " << rows << " x " << cols;
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
  }
}

TEST_F(ExpandCuda, Int8CodesAndScalesEqualTheHosts) {
  for (const int bits : {2, 3, 4, 5, 6, 7, 8}) {
    for (const auto& [rows, cols] : shapes) {
      const Grid grid{bits, 0, true};
      const std::vector<std::byte> block = packed(grid, rows, cols);
      const PackedView view{grid, rows, cols, block};
      Matrix<std::int8_t> codes(rows, cols);
      std::vector<float> scales(static_cast<std::size_t>(rows));
      expand_int8(view, codes.view(), scales);
      const DevicePacked there(view, stream());
      for (const std::int64_t wider : {std::int64_t{0}, 16 - cols % 16, std::int64_t{3}}) {
        DeviceMatrix<std::int8_t> out = poisoned_on_device<std::int8_t>(rows, cols + wider);
        DeviceMatrix<float> out_scales = poisoned_on_device<float>(1, rows);

        expand_int8(there.view(), out.view().cols_from(0, cols), out_scales.span(), stream());

        const Matrix<std::int8_t> read = on_host(out, stream());
        const Matrix<float> read_scales = on_host(out_scales, stream());
        for (std::int64_t r = 0; r < rows; ++r) {
          ASSERT_EQ(read_scales.data()[r], scales[static_cast<std::size_t>(r)]);
          for (std::int64_t c = 0; c < cols; ++c) ASSERT_EQ(read.row(r)[c], codes.row(r)[c]) << bits << ": " << c;
          for (std::int64_t c = cols; c < cols + wider; ++c) ASSERT_EQ(read.row(r)[c], -1);
        }
      }
    }
  }
}

TEST_F(ExpandCuda, RepeatsTheScaleOfAWholeMatrix) {
  for (const bool symmetric : {false, true}) {
    const Grid grid{4, 0, symmetric, true};
    const std::vector<std::byte> block = packed(grid, 9, 44);
    Matrix<float> expected(9, 44);
    expand({grid, 9, 44, block}, expected.view());
    const DevicePacked there({grid, 9, 44, block}, stream());
    DeviceMatrix<float> out = poisoned_on_device<float>(9, 44);

    expand(there.view(), out.view(), stream());

    EXPECT_TRUE(same_bits(on_host(out, stream()).view(), expected.view())) << symmetric;
  }
}

TEST_F(ExpandCuda, DividesColumnsAsTheHostDoes) {
  const Matrix<float> x = random_matrix(70, 300, 1, 1.0f);
  const Matrix<float> divisors = random_matrix(1, 300, 2, 3.0f);
  const DeviceMatrix<float> there = on_device(x.view(), stream()), by = on_device(divisors.view(), stream());
  DeviceMatrix<BFloat16> out = poisoned_on_device<BFloat16>(70, 304);

  divide_columns(there.view(), by.span(), out.view().cols_from(0, 300), stream());

  const Matrix<BFloat16> found = on_host(out, stream());
  for (std::int64_t r = 0; r < 70; ++r) {
    for (std::int64_t c = 0; c < 300; ++c)
      ASSERT_EQ(found.row(r)[c].bits, to_bfloat16(x.row(r)[c] / divisors.row(0)[c]).bits) << r << ", " << c;
    for (std::int64_t c = 300; c < 304; ++c) ASSERT_EQ(found.row(r)[c].bits, 0xffff);
  }
}

TEST_F(ExpandCuda, RefusesGridsThatAnInt8GemmCannotUse) {
  DeviceMatrix<std::int8_t> codes(1, 16);
  DeviceMatrix<float> scales(1, 1);
  for (const Grid& grid : {Grid{4, 0, false}, Grid{4, 8, true}}) {
    const std::vector<std::byte> block = packed(grid, 1, 16);
    const DevicePacked there({grid, 1, 16, block}, stream());

    EXPECT_THAT([&] { expand_int8(there.view(), codes.view(), scales.span(), stream()); },
                testing::ThrowsMessage<InputError>(testing::HasSubstr("needs a symmetric grid with one group a row")));
  }
}

TEST_F(ExpandCuda, RefusesABlockOfTheWrongSize) {
  const std::vector<std::byte> block(11);

  EXPECT_THAT(
      [&] {
        DevicePacked({{4, 0, true}, 1, 16, block}, stream());
      },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("has 11 bytes, it must have 10")));
}

}  // namespace
}  // namespace pare::test
