// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/gptq.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/core/error.hpp"
#include "kernels/quantize/clipped_grid.hpp"
#include "kernels/quantize/codes.hpp"
#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/framework/compression/sweep_reference.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Grid;
using kernels::Matrix;
using kernels::MatrixView;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Bytes = std::vector<std::byte>;

Bytes gptq(MatrixView<const float> weight, const InverseHessian& inverse, const Grid& grid, int block = 128) {
  Bytes packed(static_cast<std::size_t>(packed_layout(grid, weight.rows, weight.cols).total_bytes), std::byte{0xee});
  quantize_gptq(weight, inverse, grid, {.block = block}, packed);
  return packed;
}

Bytes nearest(MatrixView<const float> weight, const Grid& grid) {
  Bytes packed(static_cast<std::size_t>(packed_layout(grid, weight.rows, weight.cols).total_bytes));
  quantize_round_to_nearest(weight, grid, packed);
  return packed;
}

Matrix<float> values(const Bytes& packed, const Grid& grid, std::int64_t rows, std::int64_t cols) {
  Matrix<float> out(rows, cols);
  expand({grid, rows, cols, packed}, out.view());
  return out;
}

std::vector<std::uint8_t> codes_of_row(const Bytes& packed, const Grid& grid, std::int64_t rows, std::int64_t cols,
                                       std::int64_t r) {
  const kernels::PackedLayout layout = packed_layout(grid, rows, cols);
  std::vector<std::uint8_t> codes(static_cast<std::size_t>(cols));
  kernels::unpack_codes(grid.bits, packed.data() + layout.codes_offset + r * layout.codes_row_bytes, cols,
                        codes.data());
  return codes;
}

TEST(Gptq, CompensatesByHand) {
  // H = [2 1; 1 2], damping 1: H' = [4 1; 1 4], H'^-1 = [4 -1; -1 4] / 15, so the second weight takes over
  // U_01 / U_00 = -1/4 of the first one's error. Symmetric, 4 bits: scale 7.5 / 7.5 = 1 for both rows.
  const float hessian[] = {2, 1, 1, 2};
  const InverseHessian inverse = invert_hessian({hessian, 2, 2}, SweepOrder::natural, 1.0);
  const float weight[] = {7.5f, -1.4f, 6.5f, 7.5f};
  const Grid grid{4, 0, true};

  const Matrix<float> out = values(gptq({weight, 2, 2}, inverse, grid), grid, 2, 2);

  // Row 0: 7.5 -> 7, error 0.5, which adds 0.5 / 4 to -1.4: -1.275 -> -1. Row 1: 6.5 -> 6 (half to even), 7.625 -> 7.
  EXPECT_THAT(std::vector<float>(out.data(), out.data() + 4), testing::ElementsAre(7.0f, -1.0f, 6.0f, 7.0f));
}

TEST(Gptq, TurnsTheSecondWeightByHand) {
  // As above; row (7.5, -1.6): nearest is -2, but -1.6 + 0.125 = -1.475 goes to -1.
  const float hessian[] = {2, 1, 1, 2};
  const InverseHessian inverse = invert_hessian({hessian, 2, 2}, SweepOrder::natural, 1.0);
  const float weight[] = {7.5f, -1.6f};
  const Grid grid{4, 0, true};

  const Matrix<float> out = values(gptq({weight, 1, 2}, inverse, grid), grid, 1, 2);
  const Matrix<float> rounded = values(nearest({weight, 1, 2}, grid), grid, 1, 2);

  EXPECT_EQ(out.row(0)[1], -1.0f);
  EXPECT_EQ(rounded.row(0)[1], -2.0f);
}

// Bits, group size, symmetric, inputs. Groups below, of and above a block of 128, also such that do not divide it; a
// last group that is not full.
class GptqGrids : public testing::TestWithParam<std::tuple<int, int, bool, std::int64_t>> {
 protected:
  Grid grid() const { return {std::get<0>(GetParam()), std::get<1>(GetParam()), std::get<2>(GetParam())}; }
  std::int64_t inputs() const { return std::get<3>(GetParam()); }
};

TEST_P(GptqGrids, EqualsThePlainSweep) {
  const std::int64_t rows = 70;  // more than a tile
  const Matrix<float> hessian = random_hessian(inputs(), 21);
  const Matrix<float> weight = random_matrix(rows, inputs(), 22, 0.05f);
  const std::int64_t group_size = grid().group_size == 0 ? inputs() : grid().group_size;

  for (const SweepOrder sweep_order : {SweepOrder::natural, SweepOrder::activation}) {
    const InverseHessian inverse = invert_hessian(hessian.view(), sweep_order);
    const std::vector<std::int64_t>& order = inverse.order;
    Matrix<float> permuted(inputs(), inputs());
    for (std::int64_t i = 0; i < inputs(); ++i) {
      for (std::int64_t j = 0; j < inputs(); ++j) {
        permuted.row(i)[j] = hessian.row(order[static_cast<std::size_t>(i)])[order[static_cast<std::size_t>(j)]];
      }
    }
    const Square u = plain_upper_cholesky(plain_inverse(damped(permuted, 0.01)));
    const Bytes packed = gptq(weight.view(), inverse, grid());

    std::int64_t compared = 0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::vector<std::uint8_t> codes = codes_of_row(packed, grid(), rows, inputs(), r);
      const std::vector<double> original(weight.row(r), weight.row(r) + inputs());
      std::vector<double> w;
      for (const std::int64_t c : order) w.push_back(original[static_cast<std::size_t>(c)]);
      std::vector<PlainGroup> groups;
      for (std::int64_t c = 0; c < inputs(); c += group_size) {
        groups.push_back(plain_group(original.data() + c, std::min(group_size, inputs() - c), grid()));
      }
      for (std::int64_t i = 0; i < inputs(); ++i) {
        const std::int64_t c = order[static_cast<std::size_t>(i)];
        PlainGroup& group = groups[static_cast<std::size_t>(c / group_size)];
        if (sweep_order == SweepOrder::natural && i % group_size == 0) {
          group = plain_group(w.data() + i, std::min(group_size, inputs() - i), grid());
        }
        const PlainCode expected = plain_round(w[static_cast<std::size_t>(i)], group, grid().bits);
        if (codes[static_cast<std::size_t>(c)] != expected.code) {
          ASSERT_TRUE(expected.tie) << "row " << r << ", column " << c << ": "
                                    << int{codes[static_cast<std::size_t>(c)]} << " for " << expected.code;
          break;  // the rest of the row follows another path
        }
        plain_fix(w, i, expected.value, u);
        ++compared;
      }
    }
    EXPECT_GT(compared, rows * inputs() * 9 / 10) << "ties must be rare";
  }
}

TEST_P(GptqGrids, ErrsLessThanRoundingToNearest) {
  const Matrix<float> hessian = random_hessian(inputs(), 31);
  const Matrix<float> weight = random_matrix(16, inputs(), 32, 0.05f);
  const double rounded =
      output_error(weight.view(), values(nearest(weight.view(), grid()), grid(), 16, inputs()).view(), hessian.view());

  for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
    const Bytes packed = gptq(weight.view(), invert_hessian(hessian.view(), order), grid());

    const double error = output_error(weight.view(), values(packed, grid(), 16, inputs()).view(), hessian.view());

    EXPECT_LT(error, 0.8 * rounded);
  }
}

INSTANTIATE_TEST_SUITE_P(Grids, GptqGrids,
                         testing::Values(std::tuple{4, 0, false, 96}, std::tuple{2, 32, false, 160},
                                         std::tuple{3, 96, true, 300}, std::tuple{4, 128, false, 300},
                                         std::tuple{3, 200, false, 300}, std::tuple{8, 64, true, 136}));

TEST(Gptq, KeepsToOneGridForTheWholeTensor) {
  const Matrix<float> hessian = random_hessian(96, 31);
  const Matrix<float> weight = random_matrix(130, 96, 32, 0.05f);  // several tiles
  for (const Grid& grid : {Grid{4, 0, false, true}, Grid{4, 0, true, true}}) {
    const double rounded =
        output_error(weight.view(), values(nearest(weight.view(), grid), grid, 130, 96).view(), hessian.view());
    for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
      const Bytes packed = gptq(weight.view(), invert_hessian(hessian.view(), order), grid);

      EXPECT_LT(output_error(weight.view(), values(packed, grid, 130, 96).view(), hessian.view()), 0.8 * rounded);
      EXPECT_TRUE(std::equal(packed.begin(), packed.begin() + 2, nearest(weight.view(), grid).begin())) << "the scale";
    }
  }
}

TEST(Gptq, IsRoundingToNearestWhenInputsAreUncorrelated) {
  const Matrix<float> weight = random_matrix(67, 200, 3, 0.05f);
  Matrix<float> hessian(200, 200);
  std::fill_n(hessian.data(), hessian.size(), 0.0f);
  for (std::int64_t j = 0; j < 200; ++j) hessian.row(j)[j] = static_cast<float>(1 + j * 7 % 31);

  for (const Grid& grid :
       {Grid{4, 32, false}, Grid{3, 0, true}, Grid{8, 48, false}, Grid{4, 0, false, true}, Grid{4, 0, true, true}}) {
    const Bytes expected = nearest(weight.view(), grid);

    EXPECT_EQ(gptq(weight.view(), invert_hessian(hessian.view()), grid), expected);
    EXPECT_EQ(gptq(weight.view(), invert_hessian(hessian.view(), SweepOrder::activation), grid), expected);
  }
}

TEST(Gptq, ClipsAsClippedRoundingDoesWhenInputsAreUncorrelated) {
  const Matrix<float> weight = random_matrix(67, 192, 3, 0.05f);
  Matrix<float> hessian(192, 192);
  std::fill_n(hessian.data(), hessian.size(), 0.0f);
  for (std::int64_t j = 0; j < 192; ++j) hessian.row(j)[j] = static_cast<float>(1 + j * 7 % 31);
  const InverseHessian inverse = invert_hessian(hessian.view());
  std::vector<float> importance;
  for (std::int64_t j = 0; j < 192; ++j) {
    const double u = inverse.factor.row(j)[j];
    importance.push_back(static_cast<float>(1.0 / (u * u)));
  }
  const Grid grid{2, 32, false};
  Bytes expected(static_cast<std::size_t>(kernels::packed_layout(grid, 67, 192).total_bytes));
  kernels::quantize_clipped(weight.view(), importance, grid, expected);

  Bytes packed(expected.size());
  framework::quantize_gptq(weight.view(), inverse, grid, {.clip = true}, packed);

  EXPECT_EQ(packed, expected);
  EXPECT_NE(packed, nearest(weight.view(), grid));
}

TEST(Gptq, ErrsLessWithClipsAtTwoBits) {
  const Matrix<float> hessian = random_hessian(160, 31);
  const Matrix<float> weight = random_matrix(32, 160, 32, 0.05f);
  const InverseHessian inverse = invert_hessian(hessian.view());
  const Grid grid{2, 32, false};
  Bytes clipped(static_cast<std::size_t>(kernels::packed_layout(grid, 32, 160).total_bytes));
  framework::quantize_gptq(weight.view(), inverse, grid, {.clip = true}, clipped);
  const Bytes plain = gptq(weight.view(), inverse, grid);

  EXPECT_LT(output_error(weight.view(), values(clipped, grid, 32, 160).view(), hessian.view()),
            0.9 * output_error(weight.view(), values(plain, grid, 32, 160).view(), hessian.view()));
}

TEST(Gptq, StoresZeroForDeadInputs) {
  Matrix<float> hessian = random_hessian(48, 5);
  for (std::int64_t j = 0; j < 48; ++j) hessian.row(20)[j] = hessian.row(j)[20] = 0.0f;
  Matrix<float> weight = random_matrix(5, 48, 6);
  for (std::int64_t r = 0; r < 5; ++r) weight.row(r)[20] = 1000.0f;  // would spoil the scale of its group
  const Grid grid{4, 16, false};

  for (const SweepOrder order : {SweepOrder::natural, SweepOrder::activation}) {
    const Matrix<float> out = values(gptq(weight.view(), invert_hessian(hessian.view(), order), grid), grid, 5, 48);

    for (std::int64_t r = 0; r < 5; ++r) {
      EXPECT_EQ(out.row(r)[20], 0.0f);
      EXPECT_NEAR(out.row(r)[21], weight.row(r)[21], 1.0f);
    }
  }
}

TEST(Gptq, BytesDoNotDependOnThreads) {
  const Matrix<float> weight = random_matrix(203, 256, 8, 0.05f);
  const InverseHessian inverse = invert_hessian(random_hessian(256, 9).view());
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return gptq(weight.view(), inverse, {3, 64, false});
  };
  const Bytes one = with(1);

  for (const int threads : {2, 3, 5}) EXPECT_EQ(with(threads), one) << threads;
}

TEST(Gptq, BlocksChangeNothingButTheLastBitsOfSums) {
  const Matrix<float> weight = random_matrix(20, 200, 8, 0.05f);
  const InverseHessian inverse = invert_hessian(random_hessian(200, 9).view());
  const Grid grid{3, 40, false};
  const Bytes whole = gptq(weight.view(), inverse, grid, 200);

  for (const int block : {1, 7, 64, 1000}) {
    // Codes could differ at ties only, of which this seed has none.
    EXPECT_EQ(gptq(weight.view(), inverse, grid, block), whole) << block;
  }
}

TEST(Gptq, SaysWhatIsWrong) {
  Matrix<float> weight = random_matrix(70, 8, 1);
  const InverseHessian inverse = invert_hessian(random_hessian(8, 1).view());
  EXPECT_THAT(
      [&] {
        gptq(weight.view(), inverse, {4, 0, true}, 0);
      },
      ThrowsMessage<InputError>(HasSubstr("blocks of 0 columns, use at least 1")));
  EXPECT_THAT([&] { gptq(weight.view(), inverse, {9, 0, true}); }, ThrowsMessage<InputError>(HasSubstr("9 bits")));
  weight.row(68)[3] = 1e30f;
  EXPECT_THAT(
      [&] {
        gptq(weight.view(), inverse, {4, 0, true});
      },
      ThrowsMessage<InputError>(HasSubstr("the weights of row 68 from column 0 on")));
  weight.row(65)[3] = NAN;
  EXPECT_THAT(
      [&] {
        gptq(weight.view(), inverse, {4, 0, true});
      },
      ThrowsMessage<InputError>(HasSubstr("row 65, column 3 is nan")));
}

}  // namespace
}  // namespace pare::test
