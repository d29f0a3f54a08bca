// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "framework/io/json.hpp"
#include "kernels/core/error.hpp"
#include "search/report/allocation_grid.hpp"
#include "search/report/number_text.hpp"
#include "search/report/recipe_yaml.hpp"
#include "search/report/verdict_json.hpp"
#include "search/report/verdict_table.hpp"
#include "tests/search/store/small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using framework::Json;
using testing::HasSubstr;

TEST(VerdictTable, PrintsWhatAUserWantsToKnow) {
  EXPECT_EQ(verdict_table(small_run()),
            R"(Budget     2,250 bytes, 3.000 bits per weight
Reference  24,000 bytes, perplexity 3.8750 on 4 held-out windows of 64 tokens
Objective  mean KL
Winner     pare

  contestant                bytes  bits/weight   KL +- standard error  perplexity
  uniform w3-g32            2,250        3.000    0.50000 +- 0.102062      4.2500
  uniform w4-g32            3,000        4.000    0.12500 +- 0.025516      4.0000  over the budget
* pare                      2,250        3.000    0.25000 +- 0.051031      4.1250

KL is 0.500 times that of uniform w3-g32, the best uniform recipe that fits.
Difference -0.25000 nats a token, 95 % interval [-0.41240, -0.08760], paired over 4 windows.

Options of pare, by layer and kind
  layer  q_proj  down_proj  bits
      0  w4-g32     w3-g32  3.33
      1  w2-g32     w3-g32  2.67
   bits    3.00       3.00  3.00

Left out  w8a8-static at model.layers.0.mlp.down_proj: its input was 0 throughout

Spent   123,456 tokens (100,000 in the search), 210 evaluations, 12.5 s
Stages  9,000 runs, 40.0 % saved by shared prefixes
Races   2 of 9 entrants, 4 eliminated, 1 cut; tokens by rung: 4,608 up to 512, 6,400 up to 4,096; 64 % saved against full evaluation
Model   ranks fresh trials with a correlation of 0.75 (latest of 12 trials)
Workers 1 of 2 alive, 60 % busy, 95 % of tasks within 1 s, 2.0 MB moved, 2 handed out again after failures, 1 handed out again after losses
Ended   by search.limits.minutes, with the best recipe so far
Digest  0123456789abcdef0123456789abcdef over 3 trials
)");
}

TEST(VerdictTable, ComparesWithTheMixtureOfLlamaCpp) {
  RunRecord record = small_run();
  record.verdict->contestants[0].name = "Q3_K_M";
  record.verdict->contestants[0].recipe = record.verdict->contestants[2].recipe;

  EXPECT_THAT(verdict_table(record),
              HasSubstr("KL is 0.500 times that of Q3_K_M, the best mixture of llama.cpp that fits.\n"
                        "Difference -0.25000 nats a token, 95 % interval [-0.41240, -0.08760]"));
  EXPECT_EQ(Json::parse(verdict_json(record))["over_mixture"]["name"], "Q3_K_M");
  record.verdict->winner = 0;
  EXPECT_THAT(verdict_table(record), HasSubstr("No recipe was better than Q3_K_M.\n"));
}

TEST(VerdictTable, HasALineADomain) {
  RunRecord record = small_run();
  record.objective = two_domains();
  record.verdict->contestants[2].window_nll = {1.0, 1.125, 1.25, 1.5};
  record.verdict->reference_window_nll = {0.5, 1, 0.5, 0.5};

  const std::string table = verdict_table(record);

  EXPECT_THAT(table, HasSubstr("Objective  log perplexity of the worst domain\n"));
  EXPECT_THAT(table,
              HasSubstr("\n  domain  windows   KL +- standard error  perplexity  uniform KL  perplexity  full model\n"
                        "  prose         3    0.29167 +- 0.041667      3.4903     0.58333      4.1234      1.6487\n"
                        "  code          1    0.12500 +- 0.000000      3.0802     0.25000      3.4903      2.7183\n"));
  EXPECT_THAT(table, HasSubstr("Perplexity of the worst domain is 0.846 times that of uniform w3-g32"));
}

TEST(VerdictTable, SaysHowManyAnswersAreRight) {
  RunRecord record = small_run();
  record.objective.metric = Metric::accuracy;
  for (Contestant& each : record.verdict->contestants) each.window_wrong = {1, 1, 0, 1};
  record.verdict->contestants[2].window_wrong = {0, 1, 0, 0};
  record.verdict->reference_window_wrong = {0, 0, 0, 0};

  const std::string table = verdict_table(record);

  EXPECT_THAT(table, HasSubstr("Objective  share of wrong answers\n"));
  EXPECT_THAT(
      table,
      HasSubstr("Accuracy   full model 100.0 %, uniform w3-g32 25.0 %, uniform w4-g32 25.0 %, pare 75.0 % of 4 items"));
  EXPECT_THAT(table, HasSubstr("25.0 % of the answers are wrong, 75.0 % with uniform w3-g32, the best uniform recipe"));
  const Json json = Json::parse(verdict_json(record));
  EXPECT_EQ(json["contestants"][2]["accuracy"], 0.75);
  EXPECT_EQ(json["reference"]["accuracy"], 1);
}

TEST(VerdictTable, SaysWhenNothingBeatUniform) {
  RunRecord record = small_run();
  record.verdict->winner = 0;

  EXPECT_THAT(verdict_table(record), HasSubstr("No recipe was better than uniform w3-g32.\n"));
}

TEST(VerdictTable, SaysWhenNoUniformRecipeFits) {
  RunRecord record = small_run();
  record.verdict->contestants.erase(record.verdict->contestants.begin());
  record.verdict->winner = 1;

  EXPECT_THAT(verdict_table(record), HasSubstr("No uniform recipe fits the budget.\n"));
}

TEST(VerdictTable, SaysWhenTheUniformRecipeThatFitsCouldNotBeMeasured) {
  RunRecord record = small_run();
  record.verdict->contestants.front().kl.mean = std::numeric_limits<double>::infinity();
  record.verdict->winner = 1;

  EXPECT_THAT(verdict_table(record), HasSubstr("No uniform recipe that fits the budget could be measured.\n"));
}

TEST(VerdictTable, SaysHowFarARunIsThatHasNoVerdict) {
  RunRecord record = small_run();
  record.verdict.reset();

  EXPECT_EQ(verdict_table(record), "No verdict yet: 3 trials of 'pare' are committed.\n");
}

TEST(AllocationGrid, JoinsSeveralSitesOfAKindAndMarksMissingOnes) {
  SearchSpace space = small_run().space;
  space.sites[0].kind = "down_proj";

  EXPECT_EQ(allocation_grid(space, {2, 1, 0, 1}),
            "  layer      down_proj  q_proj  bits\n"
            "      0  w3-g32/w4-g32       -  3.33\n"
            "      1         w3-g32  w2-g32  2.67\n"
            "   bits           3.20    2.00  3.00\n");
}

TEST(VerdictJson, HasEveryPromisedName) {
  const Json json = Json::parse(verdict_json(small_run()));

  EXPECT_EQ(json["budget_bytes"], 2250);
  EXPECT_EQ(json["winner"]["name"], "pare");
  EXPECT_EQ(json["winner"]["bytes"], 2250);
  EXPECT_EQ(json["winner"]["bits_per_weight"], 3.0);
  EXPECT_EQ(json["winner"]["kl"]["mean"], 0.25);
  EXPECT_EQ(json["winner"]["kl"]["stderr"], 0.05103103631);
  EXPECT_EQ(json["winner"]["perplexity"], 4.125);
  EXPECT_EQ(json["winner"]["recipe"]["model.layers.1.self_attn.q_proj"], "w2-g32");
  EXPECT_EQ(json["winner"]["recipe"].size(), 4u);
  ASSERT_EQ(json["contestants"].size(), 3u);
  EXPECT_EQ(json["contestants"][1]["name"], "uniform w4-g32");
  EXPECT_EQ(json["contestants"][1]["fits"], false);
  EXPECT_EQ(json["contestants"][2]["kl"]["mean"], 0.25);
  EXPECT_EQ(json["reference"], Json({{"bytes", 24000}, {"perplexity", 3.875}}));
  EXPECT_EQ(json["over_uniform"]["name"], "uniform w3-g32");
  EXPECT_EQ(json["over_uniform"]["kl_ratio"], 0.5);
  EXPECT_EQ(json["over_uniform"]["kl_difference"]["mean"], -0.25);
  EXPECT_LT(json["over_uniform"]["kl_difference"]["high"], 0.0);
  EXPECT_EQ(json["objective"], Json({{"metric", "kl"}, {"combine", "mean"}}));
  EXPECT_EQ(json["contestants"][2]["loss"], 0.25);
  EXPECT_FALSE(json["contestants"][2].contains("domains"));
  EXPECT_EQ(json["over_uniform"]["loss_difference"], json["over_uniform"]["kl_difference"]);
  EXPECT_EQ(json["spent"], Json({{"tokens", 123456},
                                 {"search_tokens", 100000},
                                 {"evaluations", 210},
                                 {"seconds", 12.5},
                                 {"stage_runs", 9000},
                                 {"stage_runs_saved", 6000},
                                 {"reused_tokens", 0},
                                 {"stages", Json::parse(R"([{"name": "searching", "seconds": 10}])")}}));
  EXPECT_EQ(json["ended_by"], "minutes");
  EXPECT_EQ(json["figures"]["eliminated"], 4);
  EXPECT_EQ(json["figures"]["rungs"][1], Json({{"windows", 64}, {"spent_windows", 100}}));
  EXPECT_EQ(json["left_out"], Json::parse(R"([{"site": "model.layers.0.mlp.down_proj", "option": "w8a8-static",
                                              "reason": "its input was 0 throughout"}])"));
  EXPECT_EQ(json["workers"][1]["state"], "lost");
  EXPECT_EQ(json["workers"][1]["bytes_received"], 400);
  EXPECT_EQ(json["trials"], 3);
  EXPECT_EQ(json["digest"], "0123456789abcdef0123456789abcdef");
}

TEST(VerdictJson, HasTheScoresOfEveryDomain) {
  RunRecord record = small_run();
  record.objective = two_domains();
  record.verdict->reference_window_nll = {0, 1, 0, 0};

  const Json json = Json::parse(verdict_json(record));

  EXPECT_EQ(json["objective"], Json({{"metric", "perplexity"}, {"combine", "worst"}}));
  const Json& domains = json["contestants"][2]["domains"];
  ASSERT_EQ(domains.size(), 2U);
  EXPECT_EQ(domains[1]["name"], "code");
  EXPECT_EQ(domains[0]["weight"], 2);
  EXPECT_EQ(domains[0]["windows"], 3);
  EXPECT_EQ(domains[1]["kl"]["mean"], 0.125);
  EXPECT_DOUBLE_EQ(json["contestants"][2]["loss"], (1.0 + 1.5 + 1.75) / 3);
  EXPECT_EQ(json["reference"]["domain_perplexities"][0], 1);
}

TEST(VerdictJson, NeedsAVerdict) {
  RunRecord record = small_run();
  record.verdict.reset();

  EXPECT_THROW(verdict_json(record), InputError);
}

TEST(RecipeYaml, StatesItsCostAndEverySite) {
  EXPECT_EQ(recipe_yaml(small_run().space, {2, 1, 0, 1}),
            "# 2,250 bytes, 3.0000 bits per weight, 4 sites\n"
            "model.layers.0.self_attn.q_proj: w4-g32\n"
            "model.layers.0.mlp.down_proj: w3-g32\n"
            "model.layers.1.self_attn.q_proj: w2-g32\n"
            "model.layers.1.mlp.down_proj: w3-g32\n");
}

TEST(NumberText, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-123456), "-123,456");
  EXPECT_EQ(grouped(1234567890), "1,234,567,890");
}

}  // namespace
}  // namespace pare::test
