// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/range_calibrator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::Histogram;
using framework::RangeMethod;
using framework::RangeSettings;

double range_of(RangeMethod method, const Histogram& histogram, const RangeSettings& settings = {}) {
  return framework::calibrate_range(method, histogram, {}, settings, "the input of q_proj");
}

double average_of(const std::vector<float>& maxima, double averaging) {
  return framework::calibrate_range(RangeMethod::moving_average, Histogram(), maxima, {99.99, averaging}, "x");
}

Histogram of(const std::vector<float>& values, double start_range = Histogram::default_start_range) {
  Histogram histogram(start_range);
  histogram.add(values);
  return histogram;
}

/// Laplace values (many small, few large): what clipping is for.
std::vector<float> heavy_tailed(int count, unsigned seed) {
  std::mt19937 generator(seed);
  std::exponential_distribution<float> exponential;
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back((i % 2 == 0 ? 1.0f : -1.0f) * exponential(generator));
  return values;
}

/// The mean squared error of these very values under the int8 quantizer of a range.
double quantizer_error(const std::vector<float>& values, double range) {
  const double step = range / 127.0;
  double error = 0.0;
  for (const float value : values) {
    const double code = std::clamp(std::nearbyint(value / step), -127.0, 127.0);
    error += (value - code * step) * (value - code * step);
  }
  return error / static_cast<double>(values.size());
}

/// The entropy method, distribution by distribution.
double entropy_plainly(const Histogram& histogram) {
  std::size_t last = Histogram::bins;
  while (histogram.counts()[last - 1] == 0) --last;
  double least = std::numeric_limits<double>::infinity();
  double best = 0.0;
  for (std::size_t bins = last; bins >= 128; --bins) {
    std::vector<double> p(histogram.counts().begin(), histogram.counts().begin() + static_cast<std::ptrdiff_t>(bins));
    std::vector<double> q(bins, 0.0);
    for (std::size_t level = 0; level < 128; ++level) {
      const std::size_t begin = level * bins / 128;
      const std::size_t end = (level + 1) * bins / 128;
      double count = 0.0;
      double used = 0.0;
      for (std::size_t i = begin; i < end; ++i) count += p[i];
      for (std::size_t i = begin; i < end; ++i) used += p[i] > 0.0 ? 1.0 : 0.0;
      for (std::size_t i = begin; i < end; ++i) q[i] = p[i] > 0.0 ? count / used : 0.0;
    }
    for (std::size_t i = bins; i < Histogram::bins; ++i) p[bins - 1] += static_cast<double>(histogram.counts()[i]);
    double p_total = 0.0;
    double q_total = 0.0;
    for (const double x : p) p_total += x;
    for (const double x : q) q_total += x;
    double divergence = 0.0;
    for (std::size_t i = 0; i < bins; ++i) {
      if (p[i] > 0.0) divergence += p[i] / p_total * std::log((p[i] / p_total) / (q[i] / q_total));
    }
    if (divergence < least) {
      least = divergence;
      best = static_cast<double>(bins) * histogram.bin_width();
    }
  }
  return std::min(best, histogram.largest());
}

TEST(RangeCalibrator, MinMaxTakesTheLargestMagnitude) {
  EXPECT_EQ(range_of(RangeMethod::min_max, of({1.0f, -3.25f, 2.0f})), 3.25);
}

TEST(RangeCalibrator, MovingAverageFollowsTheWindowsInTheirOrder) {
  EXPECT_DOUBLE_EQ(average_of({4.0f, 8.0f, 0.0f}, 0.25), 3.75);  // 4, 5, 3.75
  EXPECT_DOUBLE_EQ(average_of({0.0f, 8.0f, 4.0f}, 0.25), 2.5);   // 0, 2, 2.5
  EXPECT_DOUBLE_EQ(average_of({4.0f, 8.0f}, 1.0), 8.0);
}

TEST(RangeCalibrator, PercentileIsTheBinEdgeAboveThatShare) {
  std::vector<float> values;
  for (int i = 0; i < 100; ++i) values.push_back(static_cast<float>(i) + 0.5f);
  values[3] = -values[3];
  const Histogram histogram = of(values, 2048.0);  // one value in each of the first hundred bins of width 1

  EXPECT_EQ(range_of(RangeMethod::percentile, histogram, {90.0, 0.01}), 90.0);
  EXPECT_EQ(range_of(RangeMethod::percentile, histogram, {89.5, 0.01}), 90.0);
  EXPECT_EQ(range_of(RangeMethod::percentile, histogram, {1.0, 0.01}), 1.0);
  EXPECT_EQ(range_of(RangeMethod::percentile, histogram, {100.0, 0.01}), 99.5);
}

TEST(RangeCalibrator, MeanSquaredErrorIsLeastAmongAllClips) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const std::vector<float> values = heavy_tailed(20000, seed);
    const Histogram histogram = of(values);
    double least = std::numeric_limits<double>::infinity();
    for (int i = 1; i <= 256; ++i) least = std::min(least, quantizer_error(values, histogram.largest() * i / 256));

    const double range = range_of(RangeMethod::mean_squared_error, histogram);

    // The bins stand for the values: about half of a percent of the error with 20000 of them.
    EXPECT_LE(quantizer_error(values, range), 1.01 * least);
    EXPECT_LT(quantizer_error(values, range), 0.95 * quantizer_error(values, histogram.largest()));
    EXPECT_LT(range, histogram.largest());
  }
}

TEST(RangeCalibrator, MeanSquaredErrorClipsNothingOfEvenlySpreadValues) {
  std::vector<float> values;
  for (int i = 0; i < 4096; ++i) values.push_back((static_cast<float>(i) + 0.5f) / 4096.0f);

  EXPECT_GT(range_of(RangeMethod::mean_squared_error, of(values)), 0.99);
}

TEST(RangeCalibrator, EntropyAgreesWithThePlainSearch) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const Histogram histogram = of(heavy_tailed(seed == 3 ? 300 : 50000, seed));

    EXPECT_EQ(range_of(RangeMethod::entropy, histogram), entropy_plainly(histogram));
  }
}

TEST(RangeCalibrator, EntropyCutsAFarOutlierOff) {
  std::vector<float> values = heavy_tailed(100000, 4);
  values.push_back(40.0f);  // bins of 1/32; the others lie below 12.5, in 400 bins

  const double range = range_of(RangeMethod::entropy, of(values));

  EXPECT_LT(range, 12.5);
  EXPECT_GE(range, 4.0);
}

class EveryRangeMethod : public testing::TestWithParam<RangeMethod> {};

TEST_P(EveryRangeMethod, LiesWithinWhatWasSeen) {
  const std::vector<float> values = heavy_tailed(5000, 5);
  const Histogram histogram = of(values);
  const std::vector<float> maxima{3.0f, static_cast<float>(histogram.largest())};

  const double range = framework::calibrate_range(GetParam(), histogram, maxima, {}, "x");

  EXPECT_GT(range, 0.0);
  EXPECT_LE(range, histogram.largest());
}

TEST_P(EveryRangeMethod, KeepsTheOnlyMagnitudeThereIs) {
  const std::vector<float> maxima{0.3f, 0.3f};

  const double range = framework::calibrate_range(GetParam(), of({0.3f, -0.3f, 0.3f}), maxima, {}, "x");

  // mse looks at the bin of 2^-12 as a whole, and may put a step of 0.3 / 127 / 256 more or less into it.
  EXPECT_NEAR(range, 0.3, GetParam() == RangeMethod::mean_squared_error ? 0.003 : 1e-7);
}

TEST_P(EveryRangeMethod, IsZeroForZeros) {
  EXPECT_EQ(framework::calibrate_range(GetParam(), of({0.0f, -0.0f}), std::vector<float>{0.0f}, {}, "x"), 0.0);
}

TEST_P(EveryRangeMethod, NeedsValues) {
  EXPECT_THAT([] { framework::calibrate_range(GetParam(), Histogram(), {}, {}, "the input of q_proj"); },
              testing::ThrowsMessage<InputError>(testing::StrEq(
                  "the input of q_proj saw no values, a static range needs calibration data that reach it")));
}

TEST_P(EveryRangeMethod, IsSpelledAsItIsRead) {
  EXPECT_EQ(framework::parse_range_method(framework::to_text(GetParam())), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryRangeMethod,
                         testing::Values(RangeMethod::min_max, RangeMethod::moving_average, RangeMethod::percentile,
                                         RangeMethod::mean_squared_error, RangeMethod::entropy));

TEST(RangeCalibrator, NamesWhatItCannotUse) {
  using testing::StrEq;
  using testing::ThrowsMessage;
  EXPECT_THAT([] { framework::parse_range_method("entrophy"); },
              ThrowsMessage<InputError>(StrEq("there is no range method 'entrophy', did you mean 'entropy'? (there are "
                                              "minmax, moving-average, percentile, mse, entropy)")));
  EXPECT_THAT(
      [] {
        range_of(RangeMethod::percentile, of({1.0f}), {100.5, 0.01});
      },
      ThrowsMessage<InputError>(StrEq("there is no percentile 100.5, it must be above 0 and at most 100")));
  EXPECT_THAT(
      [] { average_of({1.0f}, 0.0); },
      ThrowsMessage<InputError>(StrEq("a moving average cannot give a new window the weight 0, it must be above "
                                      "0 and at most 1")));
}

}  // namespace
}  // namespace pare::test
