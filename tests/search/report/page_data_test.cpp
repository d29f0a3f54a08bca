// SPDX-License-Identifier: Apache-2.0
#include "search/report/page_data.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "search/report/html_page.hpp"
#include "search/report/search_curve.hpp"
#include "search/report/site_losses.hpp"
#include "tests/search/store/small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using framework::Json;
using testing::HasSubstr;
using testing::Not;

Trial trial_of(std::int64_t id, Recipe recipe, std::vector<double> kl) {
  const auto count = static_cast<std::int64_t>(kl.size());
  return {id, {std::move(recipe), WindowSet::search, 0, count}, kl, kl, "", {}, static_cast<double>(id)};
}

/// The full model, two of its single changes, and two recipes of 2,250 bytes.
RunRecord surveyed_run() {
  RunRecord record = small_run();
  record.trials = {trial_of(0, {2, 2, 2, 2}, {0.125, 0.125}), trial_of(1, {1, 2, 2, 2}, {0.25, 0.375}),
                   trial_of(2, {0, 2, 2, 2}, {0.5, 0.5}), trial_of(3, {1, 1, 1, 1}, {0.5, 0.5, 1, 1}),
                   trial_of(4, {2, 1, 0, 1}, {0.25, 0.5, 0.5, 0.5})};
  return record;
}

TEST(PageData, SaysWhatTheVerdictSays) {
  const Json page = page_data(small_run(), std::nullopt);

  EXPECT_EQ(page["verdict"]["winner"]["name"], "pare");
  EXPECT_EQ(page["verdict"]["contestants"][0]["winner_difference"]["mean"], -0.25);
  EXPECT_EQ(page["status"], nullptr);
  EXPECT_EQ(page["trials"]["total"], 3);
  EXPECT_EQ(page["predictions"], Json::parse("[[-0.25, -0.125], [-0.125, 0.0625]]"));
  EXPECT_EQ(page["crew"]["workers"].size(), 2U);
  EXPECT_EQ(page["yaml"], small_run().yaml);
}

TEST(PageData, SpellsTheWinnersRecipe) {
  const Json page = page_data(small_run(), std::nullopt);

  ASSERT_EQ(page["recipes"].size(), 1U);
  const Json& recipe = page["recipes"][0];
  EXPECT_EQ(page["options"][recipe["options"][0].get<std::size_t>()], "w4-g32");
  EXPECT_EQ(page["options"][recipe["options"][2].get<std::size_t>()], "w2-g32");
  EXPECT_EQ(recipe["bytes_of"], Json::parse("[500, 750, 250, 750]"));
  EXPECT_EQ(page["sites"][1][0], "model.layers.0.mlp.down_proj");
}

TEST(PageData, HasARecipeForEachBudgetOfAFront) {
  RunRecord record = small_run();
  record.verdict->front = {{2250, {}, 2, 0}, {3000, {}, 1, 1}};

  const Json recipes = page_data(record, std::nullopt)["recipes"];

  ASSERT_EQ(recipes.size(), 2U);
  EXPECT_EQ(recipes[0]["title"], "4.000 bits");
  EXPECT_EQ(recipes[1]["name"], "pare");
}

TEST(PageData, ShowsHowFarARunIsThatHasNoVerdict) {
  RunRecord record = small_run();
  record.verdict.reset();
  RunOverview overview;
  overview.state = "RUNNING";
  overview.progress.emplace().budget_bytes = 2250;
  overview.best = BestSoFar{.loss = 0.5, .windows = 4, .bytes = 2250, .uniform = "", .recipe = {2, 1, 0, 1}};

  const Json page = page_data(record, overview);

  EXPECT_EQ(page["verdict"], nullptr);
  EXPECT_EQ(page["status"]["state"], "RUNNING");
  EXPECT_EQ(page["recipes"][0]["name"], "best so far");
}

TEST(HtmlPage, LetsNothingOfARunBecomeMarkup) {
  RunRecord record = small_run();
  record.yaml = "model: {path: '</script><script>alert(1)</script>'}\n";
  record.provenance.emplace_back("model", "<img src=x onerror=alert(2)>");
  record.space.left_out[0].reason = "<b>&\xff";

  const std::string page = html_page(record, std::nullopt);

  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  EXPECT_THAT(page, HasSubstr("\\u003c/script>"));
  EXPECT_THAT(page, Not(HasSubstr("@DATA@")));
}

TEST(SearchCurve, FollowsTheBestRecipeThatFits) {
  const std::vector<CurvePoint> curve = search_curve(surveyed_run(), Budget(2250), 100);

  ASSERT_EQ(curve.size(), 2U);
  EXPECT_EQ(curve[0].tokens, 10 * 64);
  EXPECT_EQ(curve[0].loss, 0.75);
  EXPECT_EQ(curve[0].ratio, 1);
  EXPECT_EQ(curve[1].seconds, 4);
  EXPECT_EQ(curve[1].windows, 4);
  EXPECT_EQ(curve[1].loss, 0.4375);
  EXPECT_DOUBLE_EQ(curve[1].ratio, 0.4375 / 0.75);
}

TEST(SearchCurve, HasAtMostSoManyPoints) {
  RunRecord record = surveyed_run();
  for (std::int64_t id = 5; id < 60; ++id) record.trials.push_back(trial_of(id, {2, 1, 0, 1}, {0.25, 0.5}));
  for (std::uint8_t o = 0; o < 3; ++o) record.trials.push_back(trial_of(60 + o, {o, 0, 0, 0}, {1, 1, 1}));

  EXPECT_LE(search_curve(record, Budget(2250), 2).size(), 3U);
  EXPECT_TRUE(search_curve(record, Budget(10), 2).empty());
}

TEST(SiteLosses, AreThoseOfSingleChangesOfTheFullModel) {
  const std::vector<SiteLoss> losses = site_losses(surveyed_run());

  ASSERT_EQ(losses.size(), 1U);
  EXPECT_EQ(losses[0].site, 0U);
  EXPECT_EQ(losses[0].option, 0);
  EXPECT_EQ(losses[0].loss, 0.375);
}

}  // namespace
}  // namespace pare::test
