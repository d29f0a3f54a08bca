// SPDX-License-Identifier: Apache-2.0
#include "search/objective/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using search::confidence_that_less;
using search::Estimate;

TEST(Statistics, EstimatesAMeanByHand) {
  const Estimate estimate = search::estimate(std::vector<double>{1, 2, 3, 4});

  EXPECT_DOUBLE_EQ(estimate.mean, 2.5);
  EXPECT_DOUBLE_EQ(estimate.stderr_of_mean, std::sqrt(5.0 / 3 / 4));
}

TEST(Statistics, KnowsNoErrorOfOneValue) {
  EXPECT_EQ(search::estimate(std::vector<double>{3}).mean, 3);
  EXPECT_EQ(search::estimate(std::vector<double>{3}).stderr_of_mean, 0);
  EXPECT_EQ(search::estimate(std::vector<double>{}).mean, 0);
}

TEST(Statistics, PairsWindowByWindow) {
  const std::vector<double> a{1, 12, 103};
  const std::vector<double> b{2, 13, 104};

  const Estimate difference = search::paired_difference(a, b);

  EXPECT_DOUBLE_EQ(difference.mean, -1);
  EXPECT_DOUBLE_EQ(difference.stderr_of_mean, 0);
  EXPECT_THROW(search::paired_difference(a, std::vector<double>{1}), InternalError);
}

// Student's t with 2 degrees of freedom has the distribution function 1/2 + t / (2 sqrt(2 + t^2)).
TEST(Statistics, TakesConfidenceFromStudentsT) {
  const std::vector<double> a{0, 1, 2};
  const std::vector<double> b{2, 2, 5};  // differences -2, -1, -3: mean -2, deviation 1, t = 2 sqrt(3)
  const double t = 2 * std::sqrt(3.0);

  EXPECT_NEAR(confidence_that_less(a, b), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-12);
  EXPECT_NEAR(confidence_that_less(b, a), 0.5 - t / (2 * std::sqrt(2 + t * t)), 1e-12);
}

TEST(Statistics, IsCertainOnlyWithoutSpread) {
  const std::vector<double> low{1, 2, 3};
  const std::vector<double> high{2, 3, 4};

  EXPECT_EQ(confidence_that_less(low, high), 1);
  EXPECT_EQ(confidence_that_less(high, low), 0);
  EXPECT_EQ(confidence_that_less(low, low), 0.5);
  EXPECT_EQ(confidence_that_less(std::vector<double>{1}, std::vector<double>{9}), 0.5);
}

// t tables: 0.975 with 3 degrees of freedom is 3.182446.
TEST(Statistics, HalvesTheIntervalOfTheTables) {
  const Estimate estimate = search::estimate(std::vector<double>{1, 2, 3, 4});

  EXPECT_NEAR(search::interval_half_width(estimate, 4, 0.95), 3.182446305 * estimate.stderr_of_mean, 1e-8);
  EXPECT_EQ(search::interval_half_width(estimate, 1, 0.95), 0);
}

TEST(Statistics, WhatFailedIsNeverLess) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> sound{1, 2, 3};
  const std::vector<double> failed(3, infinity);

  for (const auto less : {search::confidence_that_less, search::confidence_that_less_unpaired}) {
    EXPECT_EQ(less(failed, sound), 0);
    EXPECT_EQ(less(sound, failed), 1);
    EXPECT_EQ(less(failed, failed), 0.5);
  }
}

}  // namespace
}  // namespace pare::test
