// SPDX-License-Identifier: Apache-2.0
#include "kernels/prune/mask.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::kernels;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;
using Compare = SparsityPattern::Compare;

SparsityPattern n_of_m(int kept, int of) {
  return {kept, of, 0.0, Compare::layer};
}

SparsityPattern ratio(double removed, Compare compare = Compare::layer) {
  return {0, 0, removed, compare};
}

std::vector<int> mask(const std::vector<float>& scores, std::int64_t cols, const SparsityPattern& pattern) {
  const auto rows = static_cast<std::int64_t>(scores.size()) / cols;
  const Matrix<std::uint8_t> keep = select_mask({scores.data(), rows, cols}, pattern);
  return {keep.data(), keep.data() + keep.size()};
}

TEST(Mask, KeepsTheHighestOfEveryM) {
  EXPECT_THAT(mask({4, 1, 3, 2, /**/ -1, -4, 0, -2}, 8, n_of_m(2, 4)), ElementsAre(1, 0, 1, 0, 1, 0, 1, 0));
  EXPECT_THAT(mask({4, 1, 3, 2, 9, 8}, 3, n_of_m(1, 3)), ElementsAre(1, 0, 0, 0, 1, 0));
}

TEST(Mask, ComparesOverTheLayerOrWithinRows) {
  const std::vector<float> scores{1, 2, 3, 4, /**/ 5, 6, 7, 8};

  EXPECT_THAT(mask(scores, 4, ratio(0.5)), ElementsAre(0, 0, 0, 0, 1, 1, 1, 1));
  EXPECT_THAT(mask(scores, 4, ratio(0.5, Compare::row)), ElementsAre(0, 0, 1, 1, 0, 0, 1, 1));
}

TEST(Mask, KeepsTheFirstOfEquals) {
  EXPECT_THAT(mask({2, 2, 2, 2}, 4, n_of_m(2, 4)), ElementsAre(1, 1, 0, 0));
  EXPECT_THAT(mask({2, 1, 2, 2, 1, 1}, 3, ratio(0.67)), ElementsAre(1, 0, 1, 0, 0, 0));
  EXPECT_THAT(mask({0.0f, -0.0f, 0.0f}, 3, ratio(0.4, Compare::row)), ElementsAre(1, 1, 0));
}

TEST(Mask, OrdersInfinities) {
  EXPECT_THAT(mask({INFINITY, 1, -INFINITY, 2}, 4, n_of_m(2, 4)), ElementsAre(1, 0, 0, 1));
}

TEST(Mask, CountsAreExact) {
  const Matrix<float> scores = random_matrix(37, 120, 1);
  for (const double removed : {0.01, 0.3, 0.5, 0.777, 0.99}) {
    const Matrix<std::uint8_t> layer = select_mask(scores.view(), ratio(removed));
    const auto kept = std::accumulate(layer.data(), layer.data() + layer.size(), std::int64_t{0});
    EXPECT_EQ(kept, 37 * 120 - std::llround(removed * 37 * 120));
    EXPECT_EQ(kept, kept_weights(ratio(removed), 37, 120));

    const Matrix<std::uint8_t> rows = select_mask(scores.view(), ratio(removed, Compare::row));
    for (std::int64_t r = 0; r < 37; ++r) {
      EXPECT_EQ(std::accumulate(rows.row(r), rows.row(r) + 120, 0), 120 - std::llround(removed * 120));
    }
    EXPECT_EQ(kept_weights(ratio(removed, Compare::row), 37, 120), 37 * (120 - std::llround(removed * 120)));
  }
  for (const auto& [n, m] : {std::pair{2, 4}, {4, 8}, {1, 2}, {3, 5}, {7, 24}, {59, 60}}) {
    const Matrix<std::uint8_t> keep = select_mask(scores.view(), n_of_m(n, m));
    for (std::int64_t i = 0; i < keep.size(); i += m) {
      ASSERT_EQ(std::accumulate(keep.data() + i, keep.data() + i + m, 0), n) << n << ":" << m;
    }
    EXPECT_EQ(kept_weights(n_of_m(n, m), 37, 120), 37 * 120 / m * n);
  }
}

TEST(Mask, NothingRemovedScoresHigherThanWhatIsKept) {
  const Matrix<float> scores = random_matrix(20, 50, 2);
  const Matrix<std::uint8_t> keep = select_mask(scores.view(), ratio(0.6));

  float highest_removed = -INFINITY;
  float lowest_kept = INFINITY;
  for (std::int64_t i = 0; i < keep.size(); ++i) {
    float& bound = keep.data()[i] != 0 ? lowest_kept : highest_removed;
    bound = keep.data()[i] != 0 ? std::min(bound, scores.data()[i]) : std::max(bound, scores.data()[i]);
  }
  EXPECT_LE(highest_removed, lowest_kept);
}

TEST(Mask, DoesNotDependOnThreads) {
  const Matrix<float> scores = random_matrix(41, 64, 3);
  for (const SparsityPattern& pattern : {n_of_m(2, 4), ratio(0.5), ratio(0.5, Compare::row)}) {
    const auto with = [&](int threads) {
      const WithThreads with_threads(threads);
      const Matrix<std::uint8_t> keep = select_mask(scores.view(), pattern);
      return std::vector<int>(keep.data(), keep.data() + keep.size());
    };
    EXPECT_EQ(with(1), with(3));
  }
}

TEST(Mask, SaysWhatIsWrong) {
  const auto count = [](const SparsityPattern& pattern, std::int64_t rows, std::int64_t cols) {
    return [=] { kept_weights(pattern, rows, cols); };
  };
  EXPECT_THAT(
      count(n_of_m(2, 4), 3, 18),
      ThrowsMessage<InputError>(HasSubstr("18 inputs cannot be pruned 2:4, its width must be a multiple of 4")));
  for (const auto& [n, m] : {std::pair{0, 4}, {4, 4}, {5, 4}, {-1, 4}, {1, 1}, {1, -4}, {1, 257}}) {
    EXPECT_THAT(count(n_of_m(n, m), 4, 257 * 4), ThrowsMessage<InputError>(HasSubstr("is not possible, use N:M")));
  }
  for (const double share : {0.0, 1.0, -0.5, 2.0, std::nan("")}) {
    EXPECT_THAT(count(ratio(share), 4, 4), ThrowsMessage<InputError>(HasSubstr("use a ratio above 0 and below 1")));
  }
  EXPECT_THAT(count(ratio(0.01, Compare::row), 100, 20),
              ThrowsMessage<InputError>(HasSubstr("a ratio of 0.01 removes 0 of 20 weights")));
  EXPECT_THAT(count(ratio(0.99, Compare::row), 100, 20), ThrowsMessage<InputError>(HasSubstr("removes 20 of 20")));
  EXPECT_THAT(count(ratio(0.5), 0, 20), ThrowsMessage<InputError>(HasSubstr("0 x 20 is empty")));

  Matrix<float> scores = random_matrix(10, 8, 1);
  scores.row(7)[5] = NAN;
  EXPECT_THAT([&] { select_mask(scores.view(), ratio(0.5)); },
              ThrowsMessage<InputError>(HasSubstr("score in row 7, column 5 is NaN")));
}

}  // namespace
}  // namespace pare::test
