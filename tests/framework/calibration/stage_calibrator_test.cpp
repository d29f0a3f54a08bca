// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/stage_calibrator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "framework/model/full_weights.hpp"
#include "tests/framework/calibration/gather_statistics.hpp"
#include "tests/framework/model/random_model.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using framework::ActivationStatistics;
using framework::Model;
using framework::StageKind;
using kernels::Precision;
using testing::ElementsAre;

constexpr std::int64_t length = 12;

/// All inputs of all stages, one row a token, as the runner shows them.
std::map<std::pair<std::size_t, std::size_t>, std::vector<std::vector<float>>> captured_inputs(
    const Model& model, const framework::TokenWindows& windows) {
  const framework::FullWeights weights(model, Precision::f32);
  framework::StageRunner runner(model, length);
  kernels::Matrix<float> hidden(windows.count() * length, model.config().hidden);
  runner.embed(windows.tokens, hidden.view());
  std::map<std::pair<std::size_t, std::size_t>, std::vector<std::vector<float>>> inputs;
  for (std::size_t stage = 0; stage < model.stages().size(); ++stage) {
    if (model.stages()[stage].linears.empty()) continue;
    runner.run(stage, weights.stage(stage), length, hidden.view(),
               [&](std::size_t reader, kernels::MatrixView<const float> x) {
                 for (std::int64_t t = 0; t < x.rows; ++t)
                   inputs[{stage, reader}].emplace_back(x.row(t), x.row(t) + x.cols);
               });
  }
  return inputs;
}

/// Binary32 sums over n tiles of t tokens: off by at most (t + n + 1) * 2^-24 of the sum of magnitudes.
void expect_statistics_of(const std::vector<std::vector<float>>& x, const ActivationStatistics& statistics) {
  const std::size_t inputs = x.front().size();
  const double tolerance = static_cast<double>(length + static_cast<std::int64_t>(x.size()) / length + 1) * 0x1p-24;
  ASSERT_EQ(statistics.inputs(), static_cast<std::int64_t>(inputs));
  EXPECT_EQ(statistics.tokens(), static_cast<std::int64_t>(x.size()));
  framework::Histogram histogram;
  std::vector<float> maxima(x.size() / length, 0.0f);
  for (std::size_t t = 0; t < x.size(); ++t) {
    histogram.add(x[t]);
    for (const float value : x[t]) maxima[t / length] = std::max(maxima[t / length], std::abs(value));
  }
  EXPECT_EQ(statistics.histogram(), histogram);
  EXPECT_THAT(statistics.window_maxima(), testing::ElementsAreArray(maxima));
  for (std::size_t i = 0; i < inputs; ++i) {
    float least = x[0][i], most = x[0][i];
    double magnitudes = 0;
    for (const auto& row : x) {
      least = std::min(least, row[i]);
      most = std::max(most, row[i]);
      magnitudes += std::abs(double{row[i]});
    }
    EXPECT_EQ(statistics.min()[i], least);
    EXPECT_EQ(statistics.max()[i], most);
    EXPECT_NEAR(statistics.sums_of_magnitudes()[i], magnitudes, 1e-12 * magnitudes);
    for (std::size_t j = 0; j < inputs; ++j) {
      double sum = 0, size = 0;
      for (const auto& row : x) {
        sum += double{row[i]} * row[j];
        size += std::abs(double{row[i]} * row[j]);
      }
      const auto r = static_cast<std::int64_t>(i), c = static_cast<std::int64_t>(j);
      ASSERT_NEAR(statistics.hessian().row(r)[c], sum, tolerance * size) << i << ", " << j;
    }
  }
}

TEST(StageCalibrator, GathersTheInputsThatTheFullModelSees) {
  const RandomModel files;
  const Model model(files.write());
  const auto windows = random_windows(RandomModel::vocabulary, 11, length);

  const AllStatistics gathered = gather_statistics(model, windows, 1);

  const auto inputs = captured_inputs(model, windows);
  EXPECT_EQ(inputs.size(), 8U);  // two layers of two sub-layers of two inputs
  EXPECT_EQ(gathered.size(), inputs.size());
  for (const auto& [place, x] : inputs) expect_statistics_of(x, gathered.at(place));
}

void expect_same_bits(const ActivationStatistics& a, const ActivationStatistics& b) {
  EXPECT_TRUE(same_bits(a.hessian(), b.hessian()));
  EXPECT_EQ(a.state().sums_of_squares, b.state().sums_of_squares);
  EXPECT_EQ(a.state().sums_of_magnitudes, b.state().sums_of_magnitudes);
  EXPECT_EQ(a.state().min, b.state().min);
  EXPECT_EQ(a.state().max, b.state().max);
  EXPECT_EQ(a.state().window_maxima, b.state().window_maxima);
  EXPECT_EQ(a.state().histogram, b.state().histogram);
  EXPECT_EQ(a.tokens(), b.tokens());
}

TEST(StageCalibrator, GivesTheSameBitsHoweverLanesAreDealt) {
  const RandomModel files;
  const Model model(files.write());
  for (const std::int64_t count : {3, 11}) {  // fewer windows than lanes, and more
    const auto windows = random_windows(RandomModel::vocabulary, count, length);
    for (const Precision precision : {Precision::f32, Precision::bf16}) {
      const AllStatistics alone = gather_statistics(model, windows, 1, precision);
      for (const std::int64_t calibrators : {2, 3, 8}) {
        const WithThreads threads(static_cast<int>(calibrators % 2 + 1));
        const AllStatistics dealt = gather_statistics(model, windows, calibrators, precision);
        ASSERT_EQ(dealt.size(), alone.size());
        for (const auto& [place, statistics] : alone) expect_same_bits(statistics, dealt.at(place));
      }
    }
  }
}

TEST(StageCalibrator, CutsAllWindowsIntoLanes) {
  for (const std::int64_t windows : {0, 1, 7, 8, 9, 64, 1001}) {
    std::int64_t next = 0;
    for (std::int64_t lane = 0; lane < framework::calibration_lanes; ++lane) {
      const framework::Lane cut = framework::calibration_lane(lane, windows);
      EXPECT_EQ(cut.begin, next);
      EXPECT_GE(cut.count, 0);
      next += cut.count;
    }
    EXPECT_EQ(next, windows);
  }
}

TEST(StageCalibrator, KnowsWhoReadsWhichInput) {
  const RandomModel files;
  const Model model(files.write());
  for (const framework::Stage& stage : model.stages()) {
    if (stage.kind == StageKind::attention) {
      EXPECT_THAT(framework::input_readers(stage), ElementsAre(0, 3));
      for (const std::size_t l : {0U, 1U, 2U}) EXPECT_EQ(framework::input_reader(stage, l), 0U);
      EXPECT_EQ(framework::input_reader(stage, 3), 3U);
    } else if (stage.kind == StageKind::mlp) {
      EXPECT_THAT(framework::input_readers(stage), ElementsAre(0, 2));
      EXPECT_EQ(framework::input_reader(stage, 1), 0U);
      EXPECT_EQ(framework::input_reader(stage, 2), 2U);
    } else {
      EXPECT_THAT(framework::input_readers(stage), ElementsAre());
    }
  }
}

TEST(StageCalibrator, NamesTheLayerWhoseInputIsTooLarge) {
  RandomModel files;
  for (float& value : files.values.at("model.layers.1.post_attention_layernorm.weight")) value = 0x1p60f;
  const Model model(files.write());

  EXPECT_THAT([&] { gather_statistics(model, random_windows(RandomModel::vocabulary, 8, length), 1); },
              testing::ThrowsMessage<InputError>(
                  testing::HasSubstr("the input of model.layers.1.mlp.gate_proj: the activation of token")));
}

}  // namespace
}  // namespace pare::test
