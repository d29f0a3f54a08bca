// SPDX-License-Identifier: Apache-2.0
// The full model against forward passes made elsewhere in float64: scripts/demo_model/golden.py, and the
// published text of stories260K.
#include <gtest/gtest.h>

#include <cmath>

#include "framework/evaluation/evaluator.hpp"
#include "framework/io/json.hpp"
#include "framework/model/full_weights.hpp"
#include "framework/model/stage_runner.hpp"
#include "kernels/core/matrix.hpp"
#include "tests/framework/evaluation/small_world.hpp"

namespace pare::test {
namespace {

using framework::Json;
using kernels::Precision;

/// All logits at all positions of one text.
kernels::Matrix<float> forward(const framework::Model& model, const std::vector<std::uint32_t>& ids) {
  const framework::FullWeights weights(model, Precision::f32);
  const auto length = static_cast<std::int64_t>(ids.size());
  framework::StageRunner runner(model, length);
  kernels::Matrix<float> hidden(length, model.config().hidden);
  runner.embed(ids, hidden.view());
  for (std::size_t stage = 1; stage + 1 < model.stages().size(); ++stage)
    runner.run(stage, weights.stage(stage), length, hidden.view());
  kernels::Matrix<float> normed(length, model.config().hidden);
  runner.finish(hidden.view(), normed.view());
  kernels::Matrix<float> table;
  model.read_head(table);
  kernels::Matrix<float> logits(length, model.config().vocabulary);
  kernels::LanguageHead(table.view(), Precision::f32).logits(normed.view(), logits.view());
  return logits;
}

/// Mean loss as the search's own teacher measures it.
double mean_nll(const framework::Model& model, const std::vector<std::uint32_t>& ids) {
  const auto sites = sites_with(model, {"w8-g32"});
  const auto length = static_cast<std::int64_t>(ids.size());
  framework::Evaluator evaluator(model, sites, nullptr, length, {});
  return evaluator.teach({length, ids}, 0, 1, 8).nll.at(0);
}

TEST(Golden, DemoModelAgreesWithFloat64) {
  const framework::Model model(demo_model());
  const Json golden = framework::parse_json_file(demo_model().parent_path().parent_path().parent_path() /
                                                 "tests/framework/golden/quickstart_logits.json");
  const auto ids = golden["ids"].get<std::vector<std::uint32_t>>();
  const double tolerance = golden["tolerance"]["logit"].get<double>();

  const auto logits = forward(model, ids);

  double largest = 0;
  for (std::size_t position = 0; position < ids.size(); ++position) {
    const Json& top = golden["top"][position];
    for (std::size_t i = 0; i < top["ids"].size(); ++i) {
      const float logit = logits.row(static_cast<std::int64_t>(position))[top["ids"][i].get<std::size_t>()];
      largest = std::max(largest, std::abs(logit - top["logits"][i].get<double>()));
    }
  }
  EXPECT_LT(largest, tolerance);
  RecordProperty("largest_difference", std::to_string(largest));
  EXPECT_NEAR(mean_nll(model, ids), golden["mean_nll"].get<double>(), golden["tolerance"]["mean_nll"].get<double>());
}

class Stories : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto directory = test_data("stories260k");
    if (!directory) GTEST_SKIP() << "no stories260k in PARE_TEST_DATA";
    model_.emplace(*directory / "hf");
    golden_ = framework::parse_json_file(*directory / "golden.json");
  }

  std::optional<framework::Model> model_;
  Json golden_;
};

/// Logits are sums of 64 products after ten residual stages; with binary32's unit roundoff u = 6e-8, |logits|
/// up to 20 and about 64 + 10 roundings on the way, an error of 74 * 20 * u = 9e-5 is the worst to be
/// expected.
TEST_F(Stories, LogitsAgreeWithFloat64) {
  const auto ids = golden_["logits_after_ids"]["ids"].get<std::vector<std::uint32_t>>();

  const auto logits = forward(*model_, ids);

  const Json& expected = golden_["logits_after_ids"]["logits"];
  ASSERT_EQ(static_cast<std::int64_t>(expected.size()), logits.cols());
  for (std::size_t word = 0; word < expected.size(); ++word) {
    EXPECT_NEAR(logits.row(logits.rows() - 1)[word], expected[word].get<double>(), 9e-5) << word;
  }
}

TEST_F(Stories, WritesThePublishedTextGreedily) {
  const auto ids = golden_["greedy_ids_200"].get<std::vector<std::uint32_t>>();

  const auto logits = forward(*model_, ids);

  for (std::size_t position = 0; position + 1 < ids.size(); ++position) {
    const float* row = logits.row(static_cast<std::int64_t>(position));
    EXPECT_EQ(std::max_element(row, row + logits.cols()) - row, ids[position + 1]) << position;
  }
}

TEST_F(Stories, ShardsMakeTheSameModel) {
  const framework::Model sharded(*test_data("stories260k") / "hf-sharded");
  const auto ids = golden_["greedy_ids_200"].get<std::vector<std::uint32_t>>();

  EXPECT_EQ(sharded.hash(), model_->hash());
  EXPECT_EQ(mean_nll(sharded, ids), mean_nll(*model_, ids));
}

}  // namespace
}  // namespace pare::test
