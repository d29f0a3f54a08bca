// SPDX-License-Identifier: Apache-2.0
#include "kernels/prune/sparse_layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/quantize/expand.hpp"
#include "kernels/quantize/round_to_nearest.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Compare = SparsityPattern::Compare;
using Bytes = std::vector<std::byte>;

const SparsityPattern two_of_four{2, 4, 0.0, Compare::layer};
const SparsityPattern half{0, 0, 0.5, Compare::layer};
const SparsityPattern half_of_rows{0, 0, 0.5, Compare::row};

Bytes pack(const SparseLayout& layout, MatrixView<const std::uint8_t> keep, MatrixView<const float> weight) {
  Bytes packed(static_cast<std::size_t>(layout.total_bytes), std::byte{0xee});
  pack_sparse(layout, keep, weight, packed);
  return packed;
}

std::vector<int> numbers(const Bytes& bytes) {
  std::vector<int> values;
  for (const std::byte b : bytes) values.push_back(std::to_integer<int>(b));
  return values;
}

TEST(SparseLayout, CountsEveryByte) {
  // 6 x 24, 2:4: 12 kept a row, 2 bits each: 3 bytes a row; 72 values of 2 bytes.
  EXPECT_EQ(sparse_layout(two_of_four, {}, 6, 24).total_bytes, 6 * 3 + 144);
  // 3:5 of 15: 9 indices of 3 bits: 27 bits, 4 bytes a row.
  EXPECT_EQ(sparse_layout({3, 5, 0.0, Compare::layer}, {}, 2, 15).total_bytes, 2 * 4 + 2 * 9 * 2);
  // 1:2: one bit a pair. 1:256: eight bits.
  EXPECT_EQ(sparse_layout({1, 2, 0.0, Compare::layer}, {}, 1, 18).places_row_bytes, 2);
  EXPECT_EQ(sparse_layout({1, 256, 0.0, Compare::layer}, {}, 1, 512).places_row_bytes, 2);
  // Half of 3 x 5 = 15: round(7.5) = 8 go, 7 stay. Bitmask: one byte a row.
  EXPECT_EQ(sparse_layout(half, {}, 3, 5).total_bytes, 3 + 14);
  EXPECT_EQ(sparse_layout(half_of_rows, {}, 3, 5).total_bytes, 3 + 3 * 2 * 2);
  // 3 bits, groups of 8 in 20 columns: 3 scales and 9 bits of zeros a row; bitmask 3 bytes a row; 40 codes: 15 bytes.
  const SparseLayout layout = sparse_layout(half, Grid{3, 8, false}, 4, 20);
  EXPECT_EQ(layout.zeros_offset, 4 * 3 * 2);
  EXPECT_EQ(layout.places_offset, 24 + 4 * 2);
  EXPECT_EQ(layout.values_offset, 32 + 4 * 3);
  EXPECT_EQ(layout.total_bytes, 44 + 15);
}

TEST(SparseLayout, PacksIndicesAndBfloat16ByHand) {
  const float weight[] = {9, 1, 9, -2, /**/ 0.5f, 9, 9, 4};
  const std::uint8_t keep[] = {0, 1, 0, 1, /**/ 1, 0, 0, 1};
  const SparseLayout layout = sparse_layout(two_of_four, {}, 1, 8);

  const Bytes packed = pack(layout, {keep, 1, 8}, {weight, 1, 8});

  EXPECT_THAT(numbers(packed), ElementsAre(0b11'00'11'01, 0x80, 0x3f, 0x00, 0xc0, 0x00, 0x3f, 0x80, 0x40));
  std::vector<float> out(8);
  expand_sparse(layout, packed, {out.data(), 1, 8});
  EXPECT_THAT(out, ElementsAre(0, 1, 0, -2, 0.5f, 0, 0, 4));
}

TEST(SparseLayout, PacksBitmaskAndCodesByHand) {
  // Three of eight go. Two bits, asymmetric. Row 0 keeps -1, 0, 2: s = 1, z = 1,
  // codes 0, 1, 3. Row 1 keeps 1 and 3: s = 1, z = 0, codes 1, 3. One stream: 0 1 3 1 | 3.
  const float weight[] = {-1, 0, 50, 2, /**/ 1, -50, 3, 50};
  const std::uint8_t keep[] = {1, 1, 0, 1, /**/ 1, 0, 1, 0};
  const SparseLayout layout = sparse_layout({0, 0, 0.375, Compare::layer}, Grid{2, 0, false}, 2, 4);

  const Bytes packed = pack(layout, {keep, 2, 4}, {weight, 2, 4});

  EXPECT_THAT(numbers(packed), ElementsAre(0x00, 0x3c, 0x00, 0x3c, 0b01, 0b00, 0b1011, 0b0101, 0b01'11'01'00, 0b11));
  std::vector<float> out(8);
  expand_sparse(layout, packed, {out.data(), 2, 4});
  EXPECT_THAT(out, ElementsAre(-1, 0, 0, 2, 1, 0, 3, 0));
}

struct Case {
  SparsityPattern pattern;
  std::optional<Grid> grid;
};

class SparseRoundTrip : public testing::TestWithParam<Case> {};

TEST_P(SparseRoundTrip, RestoresWhatTheDenseStorageWouldHold) {
  const std::int64_t rows = 43;
  const std::int64_t cols = 120;
  const auto& [pattern, grid] = GetParam();
  const Matrix<std::uint8_t> keep = select_mask(random_matrix(rows, cols, 2).view(), pattern);
  Matrix<float> weight = random_matrix(rows, cols, 1);
  const SparseLayout layout = sparse_layout(pattern, grid, rows, cols);

  const Bytes packed = pack(layout, keep.view(), weight.view());
  Matrix<float> out = poisoned_matrix(rows, cols);
  expand_sparse(layout, packed, out.view());

  for (std::int64_t i = 0; i < weight.size(); ++i) weight.data()[i] = keep.data()[i] != 0 ? weight.data()[i] : 0.0f;
  if (grid) {
    Bytes dense(static_cast<std::size_t>(packed_layout(*grid, rows, cols).total_bytes));
    quantize_round_to_nearest(weight.view(), *grid, dense);
    expand_reference({*grid, rows, cols, dense}, weight.view());
  } else {
    for (std::int64_t i = 0; i < weight.size(); ++i) weight.data()[i] = to_float(to_bfloat16(weight.data()[i]));
  }
  for (std::int64_t i = 0; i < weight.size(); ++i) ASSERT_EQ(out.data()[i], weight.data()[i]) << i;
}

TEST_P(SparseRoundTrip, DoesNotDependOnThreads) {
  const auto& [pattern, grid] = GetParam();
  const Matrix<float> weight = random_matrix(257, 120, 1);
  const Matrix<std::uint8_t> keep = select_mask(weight.view(), pattern);
  const SparseLayout layout = sparse_layout(pattern, grid, 257, 120);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return pack(layout, keep.view(), weight.view());
  };

  EXPECT_EQ(with(1), with(3));
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, SparseRoundTrip,
    testing::Values(Case{two_of_four, {}}, Case{half, {}}, Case{half_of_rows, {}}, Case{{1, 2, 0, Compare::layer}, {}},
                    Case{{4, 8, 0, Compare::layer}, Grid{4, 32, false}},
                    Case{{3, 5, 0, Compare::layer}, Grid{3, 8, false}},
                    Case{{7, 120, 0, Compare::layer}, Grid{5, 0, true}}, Case{half, Grid{3, 32, true}},
                    Case{{0, 0, 0.77, Compare::layer}, Grid{8, 0, false}}, Case{half_of_rows, Grid{2, 16, false}},
                    Case{{0, 0, 0.99, Compare::layer}, Grid{7, 64, false}}));

TEST(SparseLayout, PacksCodesChosenElsewhere) {
  const Matrix<float> weight = random_matrix(9, 32, 5);
  const Matrix<std::uint8_t> keep = select_mask(weight.view(), half);
  const Grid grid{3, 16, false};
  const SparseLayout layout = sparse_layout(half, grid, 9, 32);
  Matrix<std::uint8_t> codes(9, 32);
  Matrix<GroupGrid> grids(9, 2);
  for (std::int64_t i = 0; i < codes.size(); ++i) codes.data()[i] = static_cast<std::uint8_t>(i * 5 % 8);
  for (std::int64_t i = 0; i < grids.size(); ++i) {
    grids.data()[i] = {to_float16(static_cast<float>(i + 1) / 8), static_cast<std::uint8_t>(i % 8)};
  }
  Bytes packed(static_cast<std::size_t>(layout.total_bytes), std::byte{0xee});

  pack_sparse_codes(layout, keep.view(), codes.view(), grids.view(), packed);
  Matrix<float> out = poisoned_matrix(9, 32);
  expand_sparse(layout, packed, out.view());

  for (std::int64_t r = 0; r < 9; ++r) {
    for (std::int64_t c = 0; c < 32; ++c) {
      const std::int64_t g = 2 * r + c / 16;
      const float value = static_cast<float>(g + 1) / 8 * static_cast<float>(codes.row(r)[c] - g % 8);
      ASSERT_EQ(out.row(r)[c], keep.row(r)[c] != 0 ? value : 0.0f) << r << ", " << c;
    }
  }
}

TEST(SparseLayout, RefusesMasksThatDoNotFitThePattern) {
  const Matrix<float> weight = random_matrix(3, 8, 1);
  Matrix<std::uint8_t> keep = select_mask(weight.view(), two_of_four);
  std::uint8_t* wrong = keep.row(1) + 4;
  std::fill_n(wrong, 4, std::uint8_t{1});

  EXPECT_THAT([&] { pack(sparse_layout(two_of_four, {}, 3, 8), keep.view(), weight.view()); },
              ThrowsMessage<InputError>(HasSubstr("row 1 keeps 4 weights from column 4 on, its pattern is 2:4")));
  EXPECT_THAT([&] { pack(sparse_layout(half_of_rows, {}, 3, 8), keep.view(), weight.view()); },
              ThrowsMessage<InputError>(HasSubstr("row 1 of a sparse matrix keeps 6 weights, its pattern keeps 4")));
  EXPECT_THAT([&] { pack(sparse_layout(half, {}, 3, 8), keep.view(), weight.view()); },
              ThrowsMessage<InputError>(HasSubstr("a sparse matrix keeps 14 weights, its pattern keeps 12")));
}

TEST(SparseLayout, RefusesWeightsThatCannotBeStored) {
  Matrix<float> weight = random_matrix(3, 8, 1);
  const Matrix<std::uint8_t> keep = select_mask(weight.view(), two_of_four);
  weight.row(2)[1] = INFINITY;
  EXPECT_THAT([&] { pack(sparse_layout(two_of_four, {}, 3, 8), keep.view(), weight.view()); },
              ThrowsMessage<InputError>(HasSubstr("row 2, column 1 is inf")));
  EXPECT_THAT([] { sparse_layout(half, Grid{9, 0, true}, 3, 8); }, ThrowsMessage<InputError>(HasSubstr("9 bits")));
  EXPECT_THAT([] { sparse_layout(two_of_four, {}, 3, 6); }, ThrowsMessage<InputError>(HasSubstr("6 inputs")));
}

TEST(SparseLayout, RefusesBytesThatNoPackingWrote) {
  const Matrix<float> weight = random_matrix(3, 10, 1);
  const SparsityPattern three_of_five{3, 5, 0.0, Compare::layer};
  const SparseLayout layout = sparse_layout(three_of_five, {}, 3, 10);
  const Bytes good = pack(layout, select_mask(weight.view(), three_of_five).view(), weight.view());
  Matrix<float> out(3, 10);
  const auto expand = [&](const SparseLayout& l, Bytes bytes) {
    return [&out, &l, bytes] { expand_sparse(l, bytes, out.view()); };
  };

  EXPECT_THAT(expand(layout, Bytes(good.begin(), good.end() - 1)),
              ThrowsMessage<InputError>(HasSubstr("has 44 bytes, it must have 45")));
  Bytes bad = good;
  bad[3] = std::byte{0b00'001'111};  // places 7 and 1 of five
  EXPECT_THAT(expand(layout, bad), ThrowsMessage<InputError>(HasSubstr("entry 0 of row 1 of a sparse matrix is 7")));
  bad[3] = std::byte{0b00'001'001};  // twice the same
  EXPECT_THAT(expand(layout, bad), ThrowsMessage<InputError>(HasSubstr("entry 1 of row 1 of a sparse matrix is 1")));

  const SparseLayout mask = sparse_layout(half, {}, 3, 10);
  EXPECT_THAT(expand(mask, Bytes(static_cast<std::size_t>(mask.total_bytes))),
              ThrowsMessage<InputError>(HasSubstr("keeps 0 weights, its pattern keeps 15")));
}

}  // namespace
}  // namespace pare::test
