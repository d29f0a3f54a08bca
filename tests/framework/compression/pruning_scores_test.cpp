// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/pruning_scores.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "kernels/core/error.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using kernels::Matrix;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<float> list(const Matrix<float>& scores) {
  return {scores.data(), scores.data() + scores.size()};
}

TEST(PruningScores, MagnitudeIsTheAbsoluteValue) {
  const float weight[] = {-1.5f, 0.0f, 2.0f, -0.25f};

  EXPECT_THAT(list(magnitude_scores({weight, 2, 2})), ElementsAre(1.5f, 0.0f, 2.0f, 0.25f));
}

TEST(PruningScores, WandaWeighsEachInputWithItsNorm) {
  const float weight[] = {-1, 2, 3, -4};
  const float moments[] = {9.0f, 0.25f};

  EXPECT_THAT(list(wanda_scores({weight, 2, 2}, moments)), ElementsAre(3.0f, 1.0f, 9.0f, 2.0f));
}

TEST(PruningScores, RandomScoresDependOnTheSeedOnly) {
  const Matrix<float> scores = random_scores(30, 200, 5);
  const std::vector<float> one = list(scores);
  {
    const WithThreads with_threads(3);
    EXPECT_EQ(list(random_scores(30, 200, 5)), one);
  }
  EXPECT_NE(list(random_scores(30, 200, 6)), one);
  EXPECT_THAT(one, testing::Each(testing::AllOf(testing::Ge(0.0f), testing::Lt(1.0f))));
  // The mean of 6000 uniform numbers: 1/2 within five of their standard deviations, 1 / sqrt(12 * 6000) = 0.0037.
  double mean = 0;
  for (const float score : one) mean += score / 6000.0;
  EXPECT_NEAR(mean, 0.5, 5 * 0.0037);
  // A value depends on its place alone, not on the shape.
  EXPECT_EQ(random_scores(3, 200, 5).row(2)[199], scores.row(2)[199]);
}

TEST(PruningScores, ProjectionWithOneTokenIsExact) {
  // One token: every direction sees +x or -x, so all norms are |x_j|, whatever the signs.
  const float inputs[] = {3.0f, -0.5f};
  const float weight[] = {-1, 2, 3, -4};
  Matrix<double> sketch(7, 2);
  std::fill_n(sketch.data(), sketch.size(), 0.0);

  add_to_sketch({inputs, 1, 2}, 0, 1, sketch.view());

  EXPECT_THAT(list(random_projection_scores({weight, 2, 2}, sketch.view())),
              testing::Pointwise(testing::FloatEq(), std::vector<float>{3.0f, 1.0f, 9.0f, 2.0f}));
}

TEST(PruningScores, ProjectionEstimatesWanda) {
  const std::int64_t directions = 400;
  const Matrix<float> inputs = random_matrix(300, 40, 1);
  std::vector<float> weight(40, 1.0f);
  std::vector<float> moments(40, 0.0f);
  for (std::int64_t t = 0; t < 300; ++t) {
    for (std::int64_t j = 0; j < 40; ++j) moments[static_cast<std::size_t>(j)] += inputs.row(t)[j] * inputs.row(t)[j];
  }
  Matrix<double> sketch(directions, 40);
  std::fill_n(sketch.data(), sketch.size(), 0.0);

  add_to_sketch(inputs.view(), 0, 9, sketch.view());
  const Matrix<float> estimate = random_projection_scores({weight.data(), 1, 40}, sketch.view());
  const Matrix<float> exact = wanda_scores({weight.data(), 1, 40}, moments);

  // The norm's relative standard deviation is at most half of sqrt(2 / m) = 0.035; five of them.
  double spread = 0;
  for (std::int64_t j = 0; j < 40; ++j) {
    const double ratio = estimate.row(0)[j] / exact.row(0)[j];
    EXPECT_NEAR(ratio, 1.0, 5 * 0.0354) << j;
    spread += (ratio - 1.0) * (ratio - 1.0) / 40;
  }
  EXPECT_GT(std::sqrt(spread), 0.0354 / 3) << "the directions are not independent of the inputs' signs";
}

TEST(PruningScores, BatchesAndThreadsGiveTheSameSketch) {
  const Matrix<float> inputs = random_matrix(50, 70, 2);
  const auto sketch_of = [&](std::int64_t batch, int threads) {
    const WithThreads with_threads(threads);
    Matrix<double> sketch(130, 70);  // more than the signs of one draw
    std::fill_n(sketch.data(), sketch.size(), 0.0);
    for (std::int64_t t = 0; t < 50; t += batch) {
      add_to_sketch(inputs.view().rows_from(t, std::min<std::int64_t>(batch, 50 - t)), t, 3, sketch.view());
    }
    return std::vector<double>(sketch.data(), sketch.data() + sketch.size());
  };

  EXPECT_EQ(sketch_of(50, 1), sketch_of(7, 3));
}

TEST(PruningScores, SayWhatIsWrong) {
  const Matrix<float> weight = random_matrix(2, 3, 1);
  for (const float wrong : {-1.0f, NAN, INFINITY}) {
    const std::vector<float> moments{1.0f, wrong, 1.0f};
    EXPECT_THAT([&] { wanda_scores(weight.view(), moments); },
                ThrowsMessage<InputError>(HasSubstr("the second moment of input 1 is ")));
  }
  const double sketch[] = {1.0, 2.0, NAN};
  EXPECT_THAT(
      [&] {
        random_projection_scores(weight.view(), {sketch, 1, 3});
      },
      ThrowsMessage<InputError>(HasSubstr("random projection of input 2 is nan")));
  EXPECT_THAT(
      [&] {
        random_projection_scores(weight.view(), {sketch, 0, 3});
      },
      ThrowsMessage<InputError>(HasSubstr("onto 0 directions")));
}

}  // namespace
}  // namespace pare::test
