// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/structured.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/core/error.hpp"
#include "tests/framework/compression/plain_algebra.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Matrix;
using kernels::MatrixView;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr UnitScore every_score[] = {UnitScore::magnitude, UnitScore::wanda, UnitScore::hessian};

/// The weights as they act on all inputs: 0 for removed columns.
Matrix<float> spread(const StructuredResult& result, std::int64_t cols) {
  Matrix<float> out(result.weight.rows(), cols);
  std::fill_n(out.data(), out.size(), 0.0f);
  for (std::int64_t r = 0; r < out.rows(); ++r) {
    for (std::size_t c = 0; c < result.kept_columns.size(); ++c) {
      out.row(r)[result.kept_columns[c]] = result.weight.row(r)[c];
    }
  }
  return out;
}

TEST(Structured, ScoresByHand) {
  // Uncorrelated inputs, damping 1 of the mean 2.5: H' = diag(3.5, 6.5, 3.5, 6.5).
  const float weight[] = {1, 2, 0, -3, 2, 0, 1, 1};
  const float hessian[] = {1, 0, 0, 0, 0, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 4};
  const auto scores = [&](const Units& units, UnitScore score) {
    return score_units({weight, 2, 4}, {hessian, 4, 4}, units, score, 1.0);
  };

  EXPECT_THAT(scores(mlp_channels(4), UnitScore::magnitude), ElementsAre(5, 4, 1, 10));
  EXPECT_THAT(scores({2, 2}, UnitScore::magnitude), ElementsAre(9, 11));
  EXPECT_THAT(scores(mlp_channels(4), UnitScore::wanda), ElementsAre(5, 16, 1, 40));
  EXPECT_THAT(scores({2, 2}, UnitScore::wanda), ElementsAre(21, 41));
  // Nothing can replace an uncorrelated input: the saliency is w^2 H'_jj.
  EXPECT_THAT(scores(mlp_channels(4), UnitScore::hessian),
              testing::Pointwise(testing::DoubleNear(1e-12), {5 * 3.5, 4 * 6.5, 3.5, 10 * 6.5}));
  EXPECT_THAT(scores({2, 2}, UnitScore::hessian),
              testing::Pointwise(testing::DoubleNear(1e-12), {5 * 3.5 + 4 * 6.5, 3.5 + 10 * 6.5}));
}

TEST(Structured, RefitsByHand) {
  // H = [2 1; 1 2], damping 1/2: H' = [3 1; 1 3]. The second input goes; the first takes over 1/3 of its weight.
  const float hessian[] = {2, 1, 1, 2};
  const float weight[] = {6, 3, -6, 0};

  const StructuredResult result =
      prune_structured({weight, 2, 2}, {hessian, 2, 2}, mlp_channels(2), UnitScore::magnitude, 0.5, 0.5);

  EXPECT_THAT(result.kept_units, ElementsAre(0));
  EXPECT_FLOAT_EQ(result.weight.row(0)[0], 7.0f);
  EXPECT_FLOAT_EQ(result.weight.row(1)[0], -6.0f);
  EXPECT_EQ(result.damping, 0.5);
}

TEST(Structured, ChoosesExactlyAndKeepsOne) {
  EXPECT_THAT(choose_units({1, 4, 2, 3}, 0.5), ElementsAre(1, 3));
  EXPECT_THAT(choose_units({2, 2, 2, 2}, 0.5), ElementsAre(0, 1));
  EXPECT_THAT(choose_units({1, 4, 2, 3}, 0.99), ElementsAre(1));
  EXPECT_THAT(choose_units({1, 4, 2, 3}, 0.01), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(choose_units(std::vector<double>(1000, 0.0), 0.333).size(), 667u);
}

TEST(Structured, GroupsQueryHeadsByTheirKvHead) {
  EXPECT_EQ(kv_groups(32, 8, 64).count, 8);
  EXPECT_EQ(kv_groups(32, 8, 64).width, 256);
  EXPECT_EQ(kv_groups(6, 6, 48).width, 48);

  // Two KV heads with two query heads of 3 columns each: the second group matters.
  Matrix<float> weight = random_matrix(5, 12, 1, 0.01f);
  weight.row(2)[7] = 1.0f;
  const Matrix<float> hessian = random_hessian(12, 1);
  for (const UnitScore score : every_score) {
    const StructuredResult result = prune_structured(weight.view(), hessian.view(), kv_groups(4, 2, 3), score, 0.5);
    EXPECT_THAT(result.kept_units, ElementsAre(1));
    EXPECT_THAT(result.kept_columns, ElementsAre(6, 7, 8, 9, 10, 11));
  }
}

TEST(Structured, RefitEqualsPlainLeastSquares) {
  const std::int64_t inputs = 150;
  const Matrix<float> hessian = random_hessian(inputs, 3);
  const Matrix<float> weight = random_matrix(70, inputs, 4);
  const Square all = damped(hessian, 0.01);

  const StructuredResult result = prune_structured(weight.view(), hessian.view(), {30, 5}, UnitScore::wanda, 0.4);

  ASSERT_EQ(result.kept_units.size(), 18u);
  const auto& kept = result.kept_columns;
  Square inner(static_cast<std::int64_t>(kept.size()));
  for (std::int64_t i = 0; i < inner.n; ++i) {
    for (std::int64_t j = 0; j < inner.n; ++j) {
      inner(i, j) = all(kept[static_cast<std::size_t>(i)], kept[static_cast<std::size_t>(j)]);
    }
  }
  const Square inverse = plain_inverse(inner);
  for (std::int64_t r = 0; r < weight.rows(); ++r) {
    std::vector<double> product(kept.size(), 0.0);
    for (std::size_t j = 0; j < kept.size(); ++j) {
      for (std::int64_t c = 0; c < inputs; ++c) product[j] += weight.row(r)[c] * all(c, kept[j]);
    }
    for (std::int64_t j = 0; j < inner.n; ++j) {
      double expected = 0;
      for (std::int64_t i = 0; i < inner.n; ++i) expected += product[static_cast<std::size_t>(i)] * inverse(i, j);
      // The result is rounded to binary32; binary64 with a condition below 100 n = 1.5e4 errs by 1e-11.
      ASSERT_NEAR(result.weight.row(r)[j], expected, 0x1p-24 * std::abs(expected) + 1e-10) << r << ", " << j;
    }
  }
}

TEST(Structured, SaliencyIsTheErrorThatRemovalAndRefitCause) {
  const std::int64_t inputs = 24;
  const Matrix<float> hessian = random_hessian(inputs, 5);
  const Matrix<float> weight = random_matrix(6, inputs, 6);
  const Square all = damped(hessian, 0.01);
  for (const Units& units : {Units{24, 1}, Units{4, 6}}) {
    const std::vector<double> scores = score_units(weight.view(), hessian.view(), units, UnitScore::hessian);

    // One unit goes: that of the lowest score.
    const double ratio = 1.0 / static_cast<double>(units.count);
    const StructuredResult result = prune_structured(weight.view(), hessian.view(), units, UnitScore::hessian, ratio);
    const Matrix<float> changed = spread(result, inputs);
    double error = 0;
    for (std::int64_t r = 0; r < 6; ++r) {
      for (std::int64_t i = 0; i < inputs; ++i) {
        for (std::int64_t j = 0; j < inputs; ++j) {
          error += (double{changed.row(r)[i]} - weight.row(r)[i]) * all(i, j) *
                   (double{changed.row(r)[j]} - weight.row(r)[j]);
        }
      }
    }

    ASSERT_EQ(result.kept_units.size(), static_cast<std::size_t>(units.count - 1));
    // At a minimum, an error of 2^-24 in the weights counts twice only: 1e-9 leaves room for the condition.
    EXPECT_NEAR(error, *std::min_element(scores.begin(), scores.end()), 1e-9 * error);
  }
}

TEST(Structured, RefittingErrsLessThanRemovingAlone) {
  const Matrix<float> hessian = random_hessian(96, 7);
  const Matrix<float> weight = random_matrix(20, 96, 8);
  for (const UnitScore score : every_score) {
    const StructuredResult result = prune_structured(weight.view(), hessian.view(), {12, 8}, score, 0.25);
    const Matrix<float> refitted = spread(result, 96);
    Matrix<float> removed = random_matrix(20, 96, 8);
    for (std::int64_t i = 0; i < removed.size(); ++i) {
      if (!std::binary_search(result.kept_columns.begin(), result.kept_columns.end(), i % 96)) removed.data()[i] = 0.0f;
    }

    EXPECT_LT(output_error(weight.view(), refitted.view(), hessian.view()),
              0.9 * output_error(weight.view(), removed.view(), hessian.view()));
  }
}

TEST(Structured, DeadChannelsGoFirstAndCauseNoChange) {
  Matrix<float> hessian = random_hessian(10, 9);
  for (const std::int64_t d : {2, 7}) {
    for (std::int64_t j = 0; j < 10; ++j) hessian.row(d)[j] = hessian.row(j)[d] = 0.0f;
  }
  const Matrix<float> weight = random_matrix(4, 10, 10);
  for (const UnitScore score : {UnitScore::wanda, UnitScore::hessian}) {
    const StructuredResult result = prune_structured(weight.view(), hessian.view(), mlp_channels(10), score, 0.2);

    EXPECT_THAT(result.kept_units, ElementsAre(0, 1, 3, 4, 5, 6, 8, 9));
    for (std::size_t c = 0; c < 8; ++c) EXPECT_EQ(result.weight.row(3)[c], weight.row(3)[result.kept_columns[c]]);
  }
}

TEST(Structured, NothingDependsOnThreads) {
  const Matrix<float> hessian = random_hessian(300, 11);
  const Matrix<float> weight = random_matrix(203, 300, 12);
  const auto with = [&](int threads) {
    const WithThreads with_threads(threads);
    return prune_structured(weight.view(), hessian.view(), {60, 5}, UnitScore::hessian, 0.3);
  };
  const StructuredResult one = with(1);
  const StructuredResult three = with(3);

  EXPECT_EQ(one.kept_units, three.kept_units);
  EXPECT_TRUE(same_bits(one.weight.view(), three.weight.view()));
}

TEST(Structured, SaysWhatIsWrong) {
  Matrix<float> weight = random_matrix(3, 6, 1);
  Matrix<float> hessian = random_hessian(6, 1);
  const auto prune = [&](const Units& units, double ratio) {
    return [&, units, ratio] { prune_structured(weight.view(), hessian.view(), units, UnitScore::wanda, ratio); };
  };
  EXPECT_THAT(prune({4, 2}, 0.5), ThrowsMessage<InputError>(HasSubstr("4 units of 2 columns do not make up the 6")));
  for (const double ratio : {0.0, 1.0, -0.1, std::nan("")}) {
    EXPECT_THAT(prune({3, 2}, ratio), ThrowsMessage<InputError>(HasSubstr("use a ratio above 0 and below 1")));
  }
  EXPECT_THAT([] { kv_groups(6, 4, 8); },
              ThrowsMessage<InputError>(HasSubstr("6 query heads of 8 columns cannot share 4 KV heads")));
  EXPECT_THAT([] { kv_groups(6, 0, 8); }, ThrowsMessage<InputError>(HasSubstr("cannot share 0 KV heads")));
  weight.row(1)[4] = NAN;
  EXPECT_THAT(prune({3, 2}, 0.5), ThrowsMessage<InputError>(HasSubstr("row 1, column 4 is nan")));
  weight.row(1)[4] = 0.0f;
  hessian.row(5)[2] = NAN;
  EXPECT_THAT(prune({3, 2}, 0.5), ThrowsMessage<InputError>(HasSubstr("the Hessian in row 5, column 2 is nan")));
}

}  // namespace
}  // namespace pare::test
