// SPDX-License-Identifier: Apache-2.0
#include "search/objective/compare_summary.hpp"

#include <gtest/gtest.h>

#include "tests/search/objective/small_comparison.hpp"

namespace pare::test {
namespace {

using namespace search;

TEST(CompareSummary, TakesMediansOverSeeds) {
  const CompareSummary summary = summarize(small_comparison());

  ASSERT_EQ(summary.rows.size(), 3U);
  EXPECT_EQ(summary.rows[0].algorithm, "pare");
  EXPECT_NEAR(summary.rows[0].median_kl, 0.2515 + 0.0145, 1e-12);  // 0.1, 0.251, 0.3 and half of the spread
  EXPECT_NEAR(summary.rows[0].least_kl, 0.115, 1e-12);
  EXPECT_NEAR(summary.rows[0].largest_kl, 0.315, 1e-12);
  EXPECT_EQ(summary.rows[0].ratio, 1);
  EXPECT_NEAR(*summary.rows[2].ratio, 0.715 / 0.266, 1e-12);
  EXPECT_EQ(summary.rows[0].seconds, 2.5);  // of the cells that know it
}

TEST(CompareSummary, PairsRivalsWithTheReferenceOverWindows) {
  const CompareSummary summary = summarize(small_comparison());

  EXPECT_EQ(summary.reference, "pare");
  EXPECT_FALSE(summary.cells[0].over_reference.has_value());
  EXPECT_NEAR(summary.cells[1].over_reference->mean, 0.05, 1e-12);
  EXPECT_NEAR(summary.cells[1].over_reference->low, 0.05, 1e-9);
  EXPECT_NEAR(summary.rows[1].worst_pair->mean, -0.001, 1e-12);
  EXPECT_EQ(summary.rows[1].worst_seed, 2U);
}

TEST(CompareSummary, CountsTheTokensUntilAnAnswerWasAsGoodAsEvopress) {
  const CompareSummary summary = summarize(small_comparison());

  EXPECT_EQ(summary.cells[0].tokens_to_evopress, 800);  // 0.17 after 200 tokens is above 0.165
  EXPECT_EQ(summary.cells[1].tokens_to_evopress, 800);  // its own answer
  EXPECT_FALSE(summary.cells[2].tokens_to_evopress.has_value());
  EXPECT_TRUE(std::isinf(*summary.rows[2].share_of_evopress));
}

TEST(CompareSummary, TellsALossByThePairedIntervalFromOneByTheRivalsOwn) {
  CompareRecord record = small_comparison();

  const CompareGoals close = summarize(record).goals;
  for (double& loss : record.cells[3].window_kl) loss += 1;  // pare, seed 2
  const CompareGoals far = summarize(record).goals;

  EXPECT_EQ(close.pairs, 6U);
  EXPECT_EQ(close.worse, 1U);
  EXPECT_EQ(close.above_interval, 0U);
  EXPECT_EQ(far.worse, 2U);
  EXPECT_EQ(far.above_interval, 2U);
}

TEST(CompareSummary, ComparesWithTheBestInformedRival) {
  const CompareGoals goals = summarize(small_comparison()).goals;

  ASSERT_EQ(goals.ratios.size(), 1U);
  EXPECT_EQ(goals.ratios[0].rival, "evopress");
  EXPECT_NEAR(goals.ratios[0].ratio, 0.266 / 0.265, 1e-12);
}

TEST(CompareSummary, TakesTheFirstAlgorithmAsReferenceWithoutPare) {
  CompareRecord record = small_comparison();
  record.algorithms = {"random", "evopress"};
  std::erase_if(record.cells, [](const CompareCell& cell) { return cell.algorithm == "pare"; });

  const CompareSummary summary = summarize(record);

  EXPECT_EQ(summary.reference, "random");
  EXPECT_EQ(summary.goals.worse, 3U);
}

}  // namespace
}  // namespace pare::test
