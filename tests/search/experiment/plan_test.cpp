// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/quantize/grid.hpp"
#include "search/space/mixture.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/test_models.hpp"

namespace pare::test {
namespace {

using ::testing::HasSubstr;

search::Experiment experiment(const std::vector<std::string>& overrides = {}) {
  return search::parse_experiment("schema: 1\nmodel: {path: " + demo_model().string() +
                                      "}\ndata: {calibration: self, windows: 8, length: 64, holdout: 4}\n"
                                      "options: [w2-g32, w4-g32, w16]\nbudget: {same_as: w4-g32}\noutput: runs/x\n",
                                  "x.yaml", overrides);
}

std::string plan_error(const std::vector<std::string>& overrides) {
  return error_of([&] { search::Plan plan(experiment(overrides)); });
}

}  // namespace

TEST(Plan, CountsExactBytes) {
  const search::Plan plan(experiment());

  ASSERT_EQ(plan.space.sites.size(), 42U);
  for (std::size_t s = 0; s < plan.sites.size(); ++s) {
    const auto& linear = plan.model.stages()[plan.sites[s].stage].linears[plan.sites[s].linears[0]];
    const auto& site = plan.space.sites[s];
    EXPECT_EQ(site.weights, linear.outputs * linear.inputs);
    EXPECT_EQ(site.options[0].bytes,
              kernels::packed_layout({.bits = 2, .group_size = 32}, linear.outputs, linear.inputs).total_bytes);
    EXPECT_EQ(site.options[2].name, "w16");
    EXPECT_EQ(site.options[2].bytes, site.original_bytes);
    EXPECT_EQ(site.original_bytes, 2 * site.weights);
  }
  EXPECT_EQ(plan.budgets.at(0).bytes, plan.space.bytes(*plan.space.uniform("w4-g32")));
}

TEST(Plan, KnowsTheMixturesOfLlamaCpp) {
  const std::vector<std::string> blocks{"options=[q3_k, q4_k, q4_k-imatrix, q5_k, q6_k]", "budget.same_as=Q4_K_M"};
  const search::Plan plan(experiment(blocks));
  const search::Recipe recipe = *search::mixture_recipe(plan.space, "Q4_K_M");
  const auto option = [&](std::size_t site) { return plan.space.sites[site].options[recipe[site]].name; };

  EXPECT_EQ(option(0), "q4_k-imatrix");  // q_proj
  EXPECT_EQ(option(2), "q4_k-imatrix");  // v_proj of block 0 of 6
  EXPECT_EQ(option(2 * 7 + 2), "q6_k");  // of block 2
  EXPECT_EQ(option(5 * 7 + 6), "q6_k");  // down_proj of block 5
  EXPECT_EQ(plan.budgets.at(0).bytes, 2'772'480);
}

TEST(Plan, TiedSitesAddTheirBytes) {
  const search::Plan apart(experiment());
  const search::Plan tied(experiment({"ties=[[q_proj, k_proj, v_proj], [gate_proj, up_proj]]"}));

  EXPECT_EQ(tied.space.sites.size(), 6U * 4U);
  EXPECT_EQ(tied.space.sites[0].name, "model.layers.0.self_attn.{q_proj,k_proj,v_proj}");
  EXPECT_EQ(tied.space.sites[0].options[1].bytes, apart.space.sites[0].options[1].bytes +
                                                      apart.space.sites[1].options[1].bytes +
                                                      apart.space.sites[2].options[1].bytes);
  EXPECT_EQ(tied.budgets.at(0).bytes, apart.budgets.at(0).bytes);
  EXPECT_EQ(tied.bank.total_bytes(), apart.bank.total_bytes());
}

TEST(Plan, RefusesWindowsThatTheModelCannotRead) {
  EXPECT_THAT(plan_error({"data.length=513"}),
              HasSubstr("data.length: 513 tokens, but the model has only 512 positions"));
  EXPECT_EQ(plan_error({"data.length=512"}), "(no error)");
}

TEST(Plan, RefusesBudgetsThatLeaveNothingToSearch) {
  EXPECT_THAT(plan_error({"budget.bytes=1000"}), HasSubstr("the smallest possible is 1511424 bytes"));
  EXPECT_THAT(plan_error({"budget.bytes=9437185"}), HasSubstr("the largest recipe is 9437184 bytes"));
}

TEST(Plan, CutsCalibrationWindowsOnlyWhereAnOptionIsCalibrated) {
  EXPECT_EQ(search::Plan(experiment()).windows.calibration, 0);
  EXPECT_EQ(search::Plan(experiment({"options=[w2-g32-gptq, w4-g32, w16]"})).windows.calibration, 8);
}

TEST(Plan, IsDescribedForPeople) {
  const search::Experiment given = experiment();
  const search::Plan plan(given);

  const std::string text = search::describe(given, plan);

  for (const char* part :
       {"llama, 6 layers", "8 windows of 64 tokens", "42 with 4.719 M weights", "w16", "smallest possible 1511.4 kB"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(Plan, DealsTheLayersOverTheRanksOfAWorker) {
  search::Experiment given = experiment({"cluster={ranks_per_worker: 4}"});
  const search::Plan plan(given);
  std::size_t next = 0;

  for (given.member = 0; given.member < 4; ++given.member) {
    const framework::StageRange stages = search::own_stages(given, plan.model);
    EXPECT_EQ(stages.begin, next) << "rank " << given.member;
    next = stages.end;
  }

  EXPECT_GE(next, plan.model.stages().size());
  const std::string text = search::describe(given, plan);
  EXPECT_THAT(text, HasSubstr("worker     4 ranks each"));
  EXPECT_THAT(text, HasSubstr("number 1 has the embedding and layer 0, "));
  EXPECT_THAT(plan_error({"cluster={ranks_per_worker: 7}"}),
              HasSubstr("cluster.ranks_per_worker: 7 ranks, but the model has only 6 layers"));
}

}  // namespace pare::test
