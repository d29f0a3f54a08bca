// SPDX-License-Identifier: Apache-2.0
#include "search/objective/window_loss.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "search/objective/archive.hpp"

namespace pare::test {
namespace {

using search::Archive;
using search::Combine;
using search::Metric;
using search::Objective;
using search::PairedComparison;
using search::WindowLoss;
using search::WindowSet;

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

Objective mean_of(Metric metric) {
  return {metric, Combine::mean, {}, {}, {}};
}

/// Two domains by turns, four windows.
Objective worst_of_two(Metric metric = Metric::kl) {
  return {metric, Combine::worst, {{"prose", 1}, {"code", 1}}, {0, 1, 0, 1}, {0, 1, 0, 1}};
}

WindowLoss worst_loss() {
  return {worst_of_two(), WindowSet::search};
}

TEST(WindowLoss, IsTheMeanOfKlByDefault) {
  const WindowLoss loss;

  EXPECT_DOUBLE_EQ(loss.mean(std::vector{1.0, 2.0, 6.0}, 0).mean, 3);
  EXPECT_EQ(loss.values({0, {}, {1}, {2}}), std::vector{1.0});
}

TEST(WindowLoss, TakesTheLikelihoodOfTheTextForPerplexity) {
  const WindowLoss loss(mean_of(Metric::perplexity), WindowSet::search);

  EXPECT_EQ(loss.values({0, {}, {1}, {2}}), std::vector{2.0});
}

TEST(WindowLoss, CountsWrongAnswersAndLetsKlDecideBetweenEquals) {
  const WindowLoss loss(mean_of(Metric::accuracy), WindowSet::search);
  const auto mean = [&](const std::vector<double>& kl, const std::vector<double>& wrong) {
    return loss.mean(loss.values(kl, kl, wrong), 0).mean;
  };

  EXPECT_LT(mean({0.1, 0.3}, {0, 1}), mean({0.2, 0.3}, {1, 0}));
  EXPECT_LT(mean({1e6, 1e6}, {0, 1}), mean({0, 0}, {1, 1}));
  EXPECT_NEAR(mean({0.1, 0.3}, {0, 1}), 0.5, 1e-4);
}

TEST(WindowLoss, IsTheMeanOfTheWorstDomain) {
  const search::Estimate worst = worst_loss().mean(std::vector{1.0, 4.0, 3.0, 6.0}, 0);

  EXPECT_DOUBLE_EQ(worst.mean, 5);
  EXPECT_DOUBLE_EQ(worst.stderr_of_mean, 1);
}

TEST(WindowLoss, FindsTheDomainOfAWindowInTheMiddleOfASet) {
  EXPECT_DOUBLE_EQ(worst_loss().mean(std::vector{9.0, 1.0}, 1).mean, 9);
  EXPECT_DOUBLE_EQ(worst_loss().compare(std::vector{9.0, 1.0}, std::vector{1.0, 2.0}, 1).difference.mean, 7);
}

TEST(WindowLoss, ComparesByPairsWhereBothAreWorstInTheSameDomain) {
  const PairedComparison comparison =
      worst_loss().compare(std::vector{1.0, 4.0, 1.1, 4.0}, std::vector{1.0, 5.0, 1.1, 5.1}, 0);

  EXPECT_NEAR(comparison.difference.mean, -1.05, 1e-12);
  EXPECT_NEAR(comparison.difference.stderr_of_mean, 0.05, 1e-12);  // the pairs differ by 1.0 and 1.1
  EXPECT_GT(comparison.confidence, 0.95);
  EXPECT_EQ(comparison.windows, 4);
}

TEST(WindowLoss, IsNotConfidentOfAGainThatMakesAnotherDomainTheWorst) {
  // In the second domain a is far below b; in the first it is above what b has in its worst.
  const std::vector b{1.0, 4.0, 1.1, 4.1};
  const std::vector a{5.0, 1.0, 5.1, 1.1};

  const PairedComparison comparison = worst_loss().compare(a, b, 0);

  EXPECT_DOUBLE_EQ(comparison.difference.mean, 1);
  EXPECT_LT(comparison.confidence, 0.05);
}

TEST(WindowLoss, PassesOverWindowsThatOneSideDoesNotKnow) {
  const PairedComparison comparison =
      worst_loss().compare(std::vector{1.0, unknown, 1.0, 4.0}, std::vector{unknown, 9.0, 2.0, 5.0}, 0);

  EXPECT_EQ(comparison.windows, 2);
  EXPECT_DOUBLE_EQ(comparison.difference.mean, -1);
  EXPECT_EQ(worst_loss().compare(std::vector{1.0, unknown}, std::vector{unknown, 1.0}, 0).windows, 0);
}

TEST(WindowLoss, LeavesAFailedTrialBehindAll) {
  const double infinity = std::numeric_limits<double>::infinity();

  EXPECT_EQ(worst_loss().mean(std::vector(4, infinity), 0).mean, infinity);
}

TEST(WindowLoss, HoldsItsLevelForTwoDomainsThatAreEquallyBad) {
  // 2000 pairs of recipes with the same true losses in both domains, eight windows each: a gain is claimed at 95 % in
  // at most 5 % of them, to three standard errors (0.5 % each).
  Objective objective = worst_of_two();
  objective.search = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  const WindowLoss loss(objective, WindowSet::search);
  std::uint64_t state = 1;
  const auto noise = [&state] {  // the sum of four uniform numbers: near enough to normal
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      sum += static_cast<double>(state >> 11) * 0x1p-53;
    }
    return sum;
  };
  int claimed = 0;
  for (int pair = 0; pair < 2000; ++pair) {
    std::vector<double> a, b;
    for (int w = 0; w < 16; ++w) {
      a.push_back(noise());
      b.push_back(noise());
    }
    if (loss.compare(a, b, 0).confidence >= 0.95) ++claimed;
  }

  EXPECT_LE(claimed, 130);
}

TEST(Archive, RanksByTheWorstDomain) {
  Archive archive(4, worst_loss());
  const auto add = [&](const search::Recipe& recipe, const std::vector<double>& kl) {
    archive.add({0, {recipe, WindowSet::search, 0, 4}, kl, kl});
  };
  add({1}, {1, 8, 1, 8});  // the mean is 4.5
  add({2}, {6, 6, 6, 6});

  EXPECT_EQ(archive.best(1, 0, 4, [](const auto&) { return true; }).front(), search::Recipe{2});
  EXPECT_EQ(archive.compare({2}, {1}).difference.mean, -2);
}

}  // namespace
}  // namespace pare::test
