// SPDX-License-Identifier: Apache-2.0
#include "search/report/run_comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/io/json.hpp"
#include "kernels/core/error.hpp"
#include "tests/search/store/small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using framework::Json;
using testing::ElementsAre;
using testing::HasSubstr;

NamedRun run_named(const std::string& name) {
  NamedRun run{name, small_run()};
  run.record.provenance.emplace_back("model_hash", "m");
  run.record.verdict->reference_window_nll = {1, 2, 3, 4};
  return run;
}

/// One that lets the uniform recipe win.
NamedRun worse_run() {
  NamedRun run = run_named("worse");
  run.record.verdict->winner = 0;
  return run;
}

std::string error_of(std::vector<NamedRun> runs) {
  try {
    compare_runs(std::move(runs));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(RunComparison, PairsRunsOnTheSameText) {
  const RunComparison comparison = compare_runs({run_named("good"), worse_run()});

  ASSERT_EQ(comparison.budgets.size(), 1U);
  const RunDifference& other = comparison.budgets[0].others.at(0);
  EXPECT_TRUE(other.paired);
  EXPECT_EQ(other.kl->mean, 0.25);
  EXPECT_NEAR(other.kl->half_width, 0.16240, 1e-5);
  EXPECT_EQ(other.sites_that_differ, 2U);
  EXPECT_THAT(other.by_kind, ElementsAre(std::pair("q_proj", 2U)));
  EXPECT_TRUE(comparison.warnings.empty());
  EXPECT_THAT(run_comparison_text(comparison), HasSubstr("+0.25000 [+0.08760, +0.41240]\n"));
  EXPECT_THAT(run_comparison_text(comparison), HasSubstr("  worse: 2 of 4 layers have another option: 2 q_proj\n"));
}

TEST(RunComparison, WarnsWhereTheTextMayBeAnother) {
  NamedRun other = worse_run();
  other.record.verdict->reference_window_nll[3] = 4.5;

  const RunComparison comparison = compare_runs({run_named("good"), other});

  EXPECT_FALSE(comparison.budgets[0].others[0].paired);
  EXPECT_GT(comparison.budgets[0].others[0].kl->half_width, 0.2);
  EXPECT_THAT(comparison.warnings,
              ElementsAre("worse: is not known to have the held-out windows of good; intervals are "
                          "not paired, and wider"));
}

TEST(RunComparison, ComparesAFrontWhereItHasTheBudget) {
  NamedRun front = run_named("front");
  front.record.verdict->front = {{1500, {}, 0, 0}, {2250, {}, 2, 0}};

  const RunComparison comparison = compare_runs({front, worse_run()});

  ASSERT_EQ(comparison.budgets.size(), 1U);
  EXPECT_EQ(comparison.budgets[0].bytes, 2250);
}

TEST(RunComparison, TellsProgramsTheSame) {
  const Json json = Json::parse(run_comparison_json(compare_runs({run_named("good"), worse_run()})));

  EXPECT_EQ(json["runs"][1]["name"], "worse");
  EXPECT_EQ(json["budgets"][0]["runs"][1]["kl_difference"]["mean"], 0.25);
  EXPECT_EQ(json["budgets"][0]["runs"][1]["by_kind"]["q_proj"], 2);
}

TEST(RunComparison, RefusesWhatCannotBeCompared) {
  NamedRun other_model = run_named("b");
  other_model.record.provenance = {{"model", "other"}, {"model_hash", "n"}};
  NamedRun going_on = run_named("b");
  going_on.record.verdict.reset();
  NamedRun other_budget = run_named("b");
  other_budget.record.verdict->budget_bytes = 3000;

  EXPECT_EQ(error_of({run_named("a")}), "a comparison needs two runs, there is 1");
  EXPECT_THAT(error_of({run_named("a"), other_model}), HasSubstr("b and a: are runs of different models (other and "));
  EXPECT_EQ(error_of({run_named("a"), going_on}), "b: the search has no verdict yet, run it to its end");
  EXPECT_EQ(error_of({run_named("a"), other_budget}),
            "a and the other run have no budget in common; a has 2250 bytes, b has 3000");
}

}  // namespace
}  // namespace pare::test
