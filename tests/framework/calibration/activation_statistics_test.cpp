// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/activation_statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/error.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using framework::ActivationStatistics;
using kernels::Matrix;
using testing::ElementsAre;
using View = kernels::MatrixView<const float>;

void expect_same(const ActivationStatistics& a, const ActivationStatistics& b) {
  EXPECT_TRUE(same_bits(a.hessian(), b.hessian()));
  EXPECT_THAT(a.sums_of_squares(), testing::ElementsAreArray(b.sums_of_squares()));
  EXPECT_THAT(a.sums_of_magnitudes(), testing::ElementsAreArray(b.sums_of_magnitudes()));
  EXPECT_THAT(a.min(), testing::ElementsAreArray(b.min()));
  EXPECT_THAT(a.max(), testing::ElementsAreArray(b.max()));
  EXPECT_THAT(a.window_maxima(), testing::ElementsAreArray(b.window_maxima()));
  EXPECT_EQ(a.histogram(), b.histogram());
  EXPECT_EQ(a.tokens(), b.tokens());
}

TEST(ActivationStatistics, GathersByHand) {
  const float first[] = {1.0f, -2.0f, 3.0f, 4.0f};
  const float second[] = {-5.0f, 0.5f};
  ActivationStatistics statistics(2);

  statistics.add({first, 2, 2});
  statistics.add({second, 1, 2});

  EXPECT_EQ(statistics.inputs(), 2);
  EXPECT_EQ(statistics.tokens(), 3);
  EXPECT_THAT(std::vector<float>(statistics.hessian().data, statistics.hessian().data + 4),
              ElementsAre(35.0f, 7.5f, 7.5f, 20.25f));  // 1 + 9 + 25; -2 + 12 - 2.5; 4 + 16 + 0.25
  EXPECT_THAT(statistics.sums_of_squares(), ElementsAre(35.0, 20.25));
  EXPECT_THAT(statistics.sums_of_magnitudes(), ElementsAre(9.0, 6.5));
  EXPECT_THAT(statistics.min(), ElementsAre(-5.0f, -2.0f));
  EXPECT_THAT(statistics.max(), ElementsAre(3.0f, 4.0f));
  EXPECT_THAT(statistics.window_maxima(), ElementsAre(4.0f, 5.0f));
  EXPECT_EQ(statistics.histogram().count(), 6);
  EXPECT_EQ(statistics.histogram().min(), -5.0f);
  EXPECT_EQ(statistics.histogram().largest(), 5.0);
  EXPECT_THAT(statistics.mean_magnitudes(), ElementsAre(3.0f, 6.5f / 3.0f));
  EXPECT_THAT(statistics.largest_magnitudes(), ElementsAre(5.0f, 4.0f));
  EXPECT_THAT(statistics.diagonal(), ElementsAre(35.0f, 20.25f));
}

TEST(ActivationStatistics, AWindowMayComeInSeveralTiles) {
  const float x[] = {1.0f, -4.0f, 2.0f, 3.0f};
  ActivationStatistics statistics(1);

  statistics.add({x, 1, 1}, ActivationStatistics::Window::continues);  // there is none yet: it starts one
  statistics.add({x + 1, 1, 1}, ActivationStatistics::Window::continues);
  statistics.add({x + 2, 1, 1}, ActivationStatistics::Window::starts);
  statistics.add({x + 3, 1, 1}, ActivationStatistics::Window::continues);

  EXPECT_THAT(statistics.window_maxima(), ElementsAre(4.0f, 3.0f));
}

TEST(ActivationStatistics, AgreesWithSumsInDoublePrecisionOverStridedTiles) {
  const Matrix<float> wide = random_matrix(300, 90, 1);
  const View x = wide.view().cols_from(7, 70);
  ActivationStatistics statistics(70);
  for (std::int64_t first = 0; first < 300; first += 64) {
    statistics.add(x.rows_from(first, std::min<std::int64_t>(64, 300 - first)));
  }

  for (std::int64_t i = 0; i < 70; ++i) {
    for (std::int64_t j = 0; j < 70; ++j) {
      double expected = 0.0;
      double magnitude = 0.0;
      for (std::int64_t t = 0; t < 300; ++t) expected += double{x.row(t)[i]} * x.row(t)[j];
      for (std::int64_t t = 0; t < 300; ++t) magnitude += std::abs(double{x.row(t)[i]} * x.row(t)[j]);
      ASSERT_NEAR(statistics.hessian().row(i)[j], expected, (64 + 5 + 1) * 0x1p-24 * magnitude);
      if (i == j) {
        ASSERT_NEAR(statistics.sums_of_squares()[static_cast<std::size_t>(i)], expected, 300 * 0x1p-53 * magnitude);
      }
    }
  }
}

TEST(ActivationStatistics, MergesShardsToTheSameBitsAsTheirSums) {
  // Small integers: every sum is exact, so that any order gives the same bits.
  Matrix<float> x = random_matrix(200, 40, 1, 5.0f);
  for (std::int64_t i = 0; i < x.size(); ++i) x.data()[i] = std::nearbyint(x.data()[i]);
  ActivationStatistics whole(40);
  ActivationStatistics left(40);
  ActivationStatistics right(40);
  for (std::int64_t first = 0; first < 200; first += 50) {
    whole.add(View(x.view()).rows_from(first, 50));
    (first < 100 ? left : right).add(View(x.view()).rows_from(first, 50));
  }

  left.merge(right);

  expect_same(left, whole);
}

TEST(ActivationStatistics, BitsDoNotDependOnThreads) {
  const Matrix<float> x = random_matrix(333, 300, 2);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    ActivationStatistics statistics(300);
    statistics.add(View(x.view()).rows_from(0, 200));
    statistics.add(View(x.view()).rows_from(200, 133));
    return statistics;
  };

  expect_same(with(1), with(2));
  expect_same(with(1), with(5));
}

TEST(ActivationStatistics, WorkWithoutAHessianAndWithoutTokens) {
  ActivationStatistics statistics(3, false);
  statistics.add({nullptr, 0, 3});

  EXPECT_EQ(statistics.hessian().rows, 0);
  EXPECT_EQ(statistics.tokens(), 0);
  EXPECT_TRUE(statistics.window_maxima().empty());
  EXPECT_THAT(statistics.mean_magnitudes(), ElementsAre(0.0f, 0.0f, 0.0f));
  EXPECT_THAT(statistics.largest_magnitudes(), ElementsAre(0.0f, 0.0f, 0.0f));
  const float x[] = {1.0f, -2.0f, 0.0f};
  statistics.add({x, 1, 3});
  EXPECT_THAT(statistics.diagonal(), ElementsAre(1.0f, 4.0f, 0.0f));
}

TEST(ActivationStatistics, RefusesActivationsThatAreNotFiniteAndAddsNothing) {
  using testing::StrEq;
  using testing::ThrowsMessage;
  const Matrix<float> good = random_matrix(40, 20, 1);
  ActivationStatistics statistics(20);
  statistics.add(good.view());
  ActivationStatistics before(20);
  before.add(good.view());
  for (const auto& [bad, text] : {std::pair{NAN, "nan"}, std::pair{-INFINITY, "-inf"}, std::pair{3e38f, "3e+38"}}) {
    Matrix<float> x = random_matrix(40, 20, 2);
    x.row(31)[4] = bad;
    x.row(39)[0] = bad;

    EXPECT_THAT([&] { statistics.add(x.view()); },
                ThrowsMessage<InputError>(StrEq(std::string("the activation of token 31, input 4 is ") + text +
                                                ", calibration needs finite activations of at most 2^40")));
  }
  expect_same(statistics, before);
  EXPECT_THAT([] { ActivationStatistics nothing(0); },
              ThrowsMessage<InputError>(StrEq("statistics of 0 inputs are not possible, there must be at least one")));
}

}  // namespace
}  // namespace pare::test
