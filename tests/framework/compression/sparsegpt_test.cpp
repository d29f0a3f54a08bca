// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/sparsegpt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "framework/compression/gptq.hpp"
#include "kernels/core/error.hpp"
#include "kernels/quantize/expand.hpp"
#include "tests/framework/compression/sweep_reference.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Grid;
using kernels::Matrix;
using kernels::MatrixView;
using kernels::SparseLayout;
using kernels::SparsityPattern;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Compare = SparsityPattern::Compare;

struct Pruned {
  SparseWeight sparse;
  std::vector<std::byte> packed;
};

Pruned prune(MatrixView<const float> weight, const InverseHessian& inverse, const SparsityPattern& pattern,
             const std::optional<Grid>& grid, int block = 128) {
  const SparseLayout layout = sparse_layout(pattern, grid, weight.rows, weight.cols);
  Pruned result;
  result.packed.resize(static_cast<std::size_t>(layout.total_bytes), std::byte{0xee});
  result.sparse = prune_sparsegpt(weight, inverse, layout, {block}, result.packed);
  return result;
}

TEST(SparseGpt, CompensatesByHand) {
  // H' = [4 1; 1 4] as in GPTQ's test: U_00^2 = 4/15, U_11^2 = 1/4. 2^2 / (4/15) = 15 < 3^2 / (1/4) = 36: the first
  // goes, and the second gains 2 * U_01 / U_00 * -1 = 2 / 4. Second row: -9^2 / (4/15) stays, 1 goes, nothing follows.
  const float hessian[] = {2, 1, 1, 2};
  const InverseHessian inverse = invert_hessian({hessian, 2, 2}, SweepOrder::natural, 1.0);
  const float weight[] = {2, 3, -9, 1};

  const Pruned result = prune({weight, 2, 2}, inverse, {1, 2, 0.0, Compare::layer}, {});

  EXPECT_EQ(result.sparse.weight.row(0)[0], 0.0f);
  EXPECT_FLOAT_EQ(result.sparse.weight.row(0)[1], 3.5f);
  EXPECT_EQ(result.sparse.weight.row(1)[0], -9.0f);
  EXPECT_EQ(result.sparse.weight.row(1)[1], 0.0f);
}

/// The plain sweep: all rows together, one column at a time; blocks only decide about masks.
struct Reference {
  std::vector<std::vector<double>> weight;
  std::vector<std::vector<int>> keep;
  bool near = false;  ///< a score lay within binary32 of the threshold, or a code at a tie: comparison means nothing
};

struct Candidate {
  double score;
  std::size_t row;
  std::int64_t col;
};

void remove(std::vector<Candidate> candidates, std::int64_t count, Reference& out) {
  std::stable_sort(candidates.begin(), candidates.end(), [](auto& a, auto& b) { return a.score < b.score; });
  for (std::int64_t i = 0; i < count; ++i) {
    out.keep[candidates[static_cast<std::size_t>(i)].row]
            [static_cast<std::size_t>(candidates[static_cast<std::size_t>(i)].col)] = 0;
  }
  if (count == 0 || count == static_cast<std::int64_t>(candidates.size())) return;
  const double below = candidates[static_cast<std::size_t>(count - 1)].score;
  const double above = candidates[static_cast<std::size_t>(count)].score;
  out.near = out.near || above - below < 0x1p-22 * above;  // both are rounded to binary32, 2^-24 each
}

Reference plain_sparsegpt(MatrixView<const float> weight, const Square& u, const SparsityPattern& pattern,
                          const std::optional<Grid>& grid, std::int64_t block) {
  const auto rows = static_cast<std::size_t>(weight.rows);
  Reference out;
  for (std::int64_t r = 0; r < weight.rows; ++r) out.weight.emplace_back(weight.row(r), weight.row(r) + weight.cols);
  out.keep.assign(rows, std::vector<int>(static_cast<std::size_t>(weight.cols), 1));
  const std::int64_t group_size = !grid ? weight.cols : grid->group_size == 0 ? weight.cols : grid->group_size;
  std::vector<PlainGroup> groups(rows);
  const auto removed_until = [&](double count) { return std::llround(pattern.ratio * count); };
  for (std::int64_t j = 0; j < weight.cols; ++j) {
    const std::int64_t width = pattern.of != 0 ? pattern.of : block;
    if (j % width == 0) {
      const std::int64_t end = std::min(weight.cols, j + width);
      std::vector<Candidate> all;
      for (std::size_t r = 0; r < rows; ++r) {
        std::vector<Candidate> row;
        for (std::int64_t c = j; c < end; ++c) {
          row.push_back({std::abs(out.weight[r][static_cast<std::size_t>(c)]) / u(c, c), r, c});
        }
        all.insert(all.end(), row.begin(), row.end());
        if (pattern.of != 0) remove(row, pattern.of - pattern.kept, out);
        if (pattern.of == 0 && pattern.compare == Compare::row) {
          remove(row, removed_until(static_cast<double>(end)) - removed_until(static_cast<double>(j)), out);
        }
      }
      if (pattern.of == 0 && pattern.compare == Compare::layer) {
        const auto height = static_cast<double>(rows);
        remove(all, removed_until(height * static_cast<double>(end)) - removed_until(height * static_cast<double>(j)),
               out);
      }
    }
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<double>& w = out.weight[r];
      if (grid && j % group_size == 0) {
        groups[r] = plain_group(w.data() + j, std::min(group_size, weight.cols - j), *grid);
      }
      double value = w[static_cast<std::size_t>(j)];
      if (out.keep[r][static_cast<std::size_t>(j)] == 0) {
        value = 0.0;
      } else if (grid) {
        const PlainCode code = plain_round(value, groups[r], grid->bits);
        value = code.value;
        out.near = out.near || code.tie;
      }
      plain_fix(w, j, value, u);
    }
  }
  return out;
}

struct Case {
  SparsityPattern pattern;
  std::optional<Grid> grid;
  std::int64_t inputs;
  int block;            ///< what is asked for
  std::int64_t chosen;  ///< the width over which the unstructured mask is chosen after blocks are cut at groups
};

class SparseGptCases : public testing::TestWithParam<Case> {};

TEST_P(SparseGptCases, EqualsThePlainSweep) {
  const auto& [pattern, grid, inputs, block, chosen] = GetParam();
  const std::int64_t rows = 70;  // more than a tile
  const Matrix<float> hessian = random_hessian(inputs, 41);
  const Matrix<float> weight = random_matrix(rows, inputs, 43, 0.05f);
  const Square u = plain_upper_cholesky(plain_inverse(damped(hessian, 0.01)));
  const Reference expected = plain_sparsegpt(weight.view(), u, pattern, grid, chosen);
  ASSERT_FALSE(expected.near) << "choose another seed";

  const Pruned result = prune(weight.view(), invert_hessian(hessian.view()), pattern, grid, block);

  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < inputs; ++c) {
      const double value = expected.weight[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)];
      ASSERT_EQ(result.sparse.keep.row(r)[c], expected.keep[static_cast<std::size_t>(r)][static_cast<std::size_t>(c)])
          << r << ", " << c;
      // Both sweeps are binary64; what differs is the rounding of the result to binary32, and 1e-10 for the inverse.
      ASSERT_NEAR(result.sparse.weight.row(r)[c], value, 0x1p-24 * std::abs(value) + 1e-10) << r << ", " << c;
    }
  }
}

TEST_P(SparseGptCases, PacksWhatItReturns) {
  const auto& [pattern, grid, inputs, block, chosen] = GetParam();
  const Matrix<float> weight = random_matrix(70, inputs, 52, 0.05f);

  const Pruned result = prune(weight.view(), invert_hessian(random_hessian(inputs, 51).view()), pattern, grid, block);
  Matrix<float> expanded = poisoned_matrix(70, inputs);
  expand_sparse(sparse_layout(pattern, grid, 70, inputs), result.packed, expanded.view());

  for (std::int64_t i = 0; i < weight.size(); ++i) {
    const float value = result.sparse.weight.data()[i];
    ASSERT_EQ(expanded.data()[i], grid ? value : to_float(kernels::to_bfloat16(value))) << i;
    if (result.sparse.keep.data()[i] == 0) {
      ASSERT_EQ(value, 0.0f) << i;
    }
  }
  const auto kept = std::accumulate(result.sparse.keep.data(), result.sparse.keep.data() + weight.size(), 0L);
  EXPECT_EQ(kept, kernels::kept_weights(pattern, 70, inputs));
}

TEST_P(SparseGptCases, NothingDependsOnThreads) {
  const auto& [pattern, grid, inputs, block, chosen] = GetParam();
  const Matrix<float> weight = random_matrix(203, inputs, 62, 0.05f);
  const InverseHessian inverse = invert_hessian(random_hessian(inputs, 61).view());
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return prune(weight.view(), inverse, pattern, grid, block);
  };
  const Pruned one = with(1);
  const Pruned three = with(3);

  EXPECT_EQ(one.packed, three.packed);
  EXPECT_TRUE(same_bits(one.sparse.weight.view(), three.sparse.weight.view()));
}

INSTANTIATE_TEST_SUITE_P(Patterns, SparseGptCases,
                         testing::Values(Case{{2, 4, 0, Compare::layer}, {}, 200, 128, 0},
                                         Case{{4, 8, 0, Compare::layer}, {}, 136, 20, 0},
                                         Case{{3, 5, 0, Compare::layer}, {}, 150, 64, 0},
                                         Case{{0, 0, 0.5, Compare::layer}, {}, 200, 128, 128},
                                         Case{{0, 0, 0.61, Compare::row}, {}, 200, 64, 64},
                                         Case{{0, 0, 0.83, Compare::layer}, {}, 100, 7, 7},
                                         Case{{2, 4, 0, Compare::layer}, Grid{4, 32, false}, 160, 128, 0},
                                         Case{{3, 5, 0, Compare::layer}, Grid{4, 40, true}, 160, 64, 0},
                                         Case{{0, 0, 0.5, Compare::layer}, Grid{3, 48, false}, 240, 128, 96},
                                         Case{{0, 0, 0.5, Compare::row}, Grid{4, 0, false}, 150, 50, 50}));

TEST(SparseGpt, ErrsLessThanMagnitudePruningOfTheSamePattern) {
  const Matrix<float> hessian = random_hessian(128, 71);
  const Matrix<float> weight = random_matrix(32, 128, 72, 0.05f);
  Matrix<float> magnitude(32, 128);
  for (std::int64_t i = 0; i < weight.size(); ++i) magnitude.data()[i] = std::abs(weight.data()[i]);
  for (const SparsityPattern& pattern :
       {SparsityPattern{2, 4, 0, Compare::layer}, SparsityPattern{0, 0, 0.5, Compare::layer}}) {
    const Matrix<std::uint8_t> keep = kernels::select_mask(magnitude.view(), pattern);
    Matrix<float> simple(32, 128);
    for (std::int64_t i = 0; i < weight.size(); ++i) simple.data()[i] = keep.data()[i] != 0 ? weight.data()[i] : 0.0f;

    const Pruned result = prune(weight.view(), invert_hessian(hessian.view()), pattern, {});

    EXPECT_LT(output_error(weight.view(), result.sparse.weight.view(), hessian.view()),
              0.5 * output_error(weight.view(), simple.view(), hessian.view()));
  }
}

TEST(SparseGpt, IsGptqForTheWeightsThatStay) {
  // Removing only zeros of dead inputs leaves GPTQ's own sweep.
  Matrix<float> hessian = random_hessian(64, 81);
  for (std::int64_t d = 0; d < 64; d += 2) {
    for (std::int64_t j = 0; j < 64; ++j) hessian.row(d)[j] = hessian.row(j)[d] = 0.0f;
  }
  const Matrix<float> weight = random_matrix(10, 64, 82, 0.05f);
  const Grid grid{4, 16, false};
  const InverseHessian inverse = invert_hessian(hessian.view());
  std::vector<std::byte> dense(static_cast<std::size_t>(packed_layout(grid, 10, 64).total_bytes));
  quantize_gptq(weight.view(), inverse, grid, {}, dense);
  Matrix<float> expected(10, 64);
  expand({grid, 10, 64, dense}, expected.view());

  const Pruned result = prune(weight.view(), inverse, {1, 2, 0, Compare::layer}, grid);

  for (std::int64_t i = 0; i < weight.size(); ++i) {
    EXPECT_EQ(result.sparse.keep.data()[i], i % 2) << i;
    EXPECT_EQ(result.sparse.weight.data()[i], expected.data()[i]) << i;
  }
}

TEST(SparseGpt, SaysWhatIsWrong) {
  Matrix<float> weight = random_matrix(4, 8, 1);
  const InverseHessian inverse = invert_hessian(random_hessian(8, 1).view());
  const SparsityPattern pattern{2, 4, 0, Compare::layer};
  EXPECT_THAT([&] { prune(weight.view(), inverse, pattern, {}, 0); },
              ThrowsMessage<InputError>(HasSubstr("blocks of 0 columns, use at least 1")));
  weight.row(3)[1] = 1e30f;
  EXPECT_THAT(
      [&] {
        prune(weight.view(), inverse, pattern, Grid{4, 0, true});
      },
      ThrowsMessage<InputError>(HasSubstr("a binary16 scale is at most 65504")));
  weight.row(2)[1] = NAN;
  EXPECT_THAT([&] { prune(weight.view(), inverse, pattern, {}); },
              ThrowsMessage<InputError>(HasSubstr("row 2, column 1 is nan")));
}

}  // namespace
}  // namespace pare::test
