// SPDX-License-Identifier: Apache-2.0
#include "framework/bank/build_site.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "framework/evaluation/weight_source.hpp"
#include "framework/model/full_weights.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/calibration/gather_statistics.hpp"
#include "tests/framework/compression/plain_algebra.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using framework::BankPlan;
using framework::LayerBank;
using framework::Model;
using kernels::Matrix;
using kernels::Precision;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::int64_t length = 16;
constexpr std::size_t attention = 1, mlp = 2;

/// A random model, statistics of its inputs over 24 windows, and what goes into and comes out of its stages there.
class Laboratory {
 public:
  explicit Laboratory(const RandomModel& files = RandomModel()) : model(files.write()) {
    const auto windows = random_windows(RandomModel::vocabulary, 24, length);
    statistics = gather_statistics(model, windows, 1);
    calibration.emplace(write_calibration(scratch_ / "calibration.h5", "k", model, statistics), "k");
    const framework::FullWeights weights(model, Precision::f32);
    framework::StageRunner runner(model, length);
    for (std::size_t stage = 0; stage < 3; ++stage) {
      Matrix<float>& out = outputs.emplace_back(windows.count() * length, RandomModel::hidden);
      if (stage == 0) {
        runner.embed(windows.tokens, out.view());
      } else {
        std::copy_n(outputs[stage - 1].data(), out.size(), out.data());
        runner.run(stage, weights.stage(stage), length, out.view());
      }
    }
  }

  /// The output of a stage whose sites are all under one option, given the full model's input.
  Matrix<float> run(const std::string& option, std::size_t stage) const {
    const auto sites = sites_with(model, {option});
    const BankPlan plan(model, sites);
    const LayerBank bank(write_bank(scratch_ / "bank.h5", plan, &*calibration), plan);
    framework::WeightSource source(model, sites, &bank, Precision::f32, 1 << 20);
    framework::StageRunner runner(model, length);
    Matrix<float> hidden(outputs[stage].rows(), outputs[stage].cols());
    std::copy_n(outputs[stage - 1].data(), hidden.size(), hidden.data());
    const std::vector<std::uint8_t> options(4, 0);
    runner.run(stage, source.stage(stage, options.data()), length, hidden.view());
    return hidden;
  }

  /// |run - full| / |full - input|.
  double relative_error(const std::string& option, std::size_t stage) const {
    const Matrix<float> changed = run(option, stage);
    double error = 0, size = 0;
    for (std::int64_t i = 0; i < changed.size(); ++i) {
      error += std::pow(double{changed.data()[i]} - double{outputs[stage].data()[i]}, 2);
      size += std::pow(double{outputs[stage].data()[i]} - double{outputs[stage - 1].data()[i]}, 2);
    }
    return std::sqrt(error / size);
  }

  /// Of one linear over the calibration data: tr(D H D^T).
  double linear_error(const std::string& option, std::size_t stage, std::size_t linear) const {
    const auto sites = sites_with(model, {option});
    const BankPlan plan(model, sites);
    const LayerBank bank(write_bank(scratch_ / "bank.h5", plan, &*calibration), plan);
    const auto site = std::find_if(sites.begin(), sites.end(), [&](const framework::Site& s) {
      return s.stage == stage && s.linears == std::vector<std::size_t>{linear};
    });
    const auto layer = bank.layer(static_cast<std::size_t>(site - sites.begin()), 0, 0);
    Matrix<float> weight, expanded;
    model.read_weight(model.stages()[stage].linears[linear], weight);
    framework::expand_body(framework::parse_option(option), layer.shape, layer.body, expanded);
    const std::size_t reader = framework::input_reader(model.stages()[stage], linear);
    return output_error(weight.view(), expanded.view(), statistics.at({stage, reader}).hessian());
  }

  framework::BuiltSite build(const std::string& option, std::size_t site) const {
    const auto sites = sites_with(model, {option});
    return framework::build_site(BankPlan(model, sites), site, &*calibration);
  }

 private:
  ScratchDirectory scratch_;

 public:
  Model model;
  AllStatistics statistics;
  std::optional<framework::CalibrationFile> calibration;
  std::vector<Matrix<float>> outputs;  ///< by stage
};

const Laboratory& laboratory() {
  static const Laboratory made;
  return made;
}

TEST(BuildSite, LosesLessOfTheOutputsWithMethodsThatLookAtTheInputs) {
  const Laboratory& lab = laboratory();
  for (const auto& [stage, linear] : {std::pair{attention, 0}, {attention, 3}, {mlp, 1}, {mlp, 2}}) {
    const auto error = [&, s = stage, l = static_cast<std::size_t>(linear)](const char* option) {
      return lab.linear_error(option, s, l);
    };
    EXPECT_LT(error("w3-g32-gptq"), error("w3-g32"));
    EXPECT_LT(error("w3-g32-gptq-act"), error("w3-g32"));
    EXPECT_LT(error("w3-channel-gptq"), error("w3-channel"));
    EXPECT_LT(error("2:4-wanda"), error("2:4-random"));
    EXPECT_LT(error("2:4-sparsegpt"), error("2:4-magnitude"));
    EXPECT_LT(error("50%-sparsegpt"), error("50%-magnitude"));
    EXPECT_LT(error("2:4-sparsegpt-dense+w4-g32"), error("2:4-magnitude-dense+w4-g32"));
    EXPECT_LT(error("q4_0-imatrix"), error("q4_0"));
  }
}

/// Eight bits: half a step of 1 / 255 of the range of a group (or of a token), which is some six deviations.
TEST(BuildSite, ChangesTheStageOnlyByRoundingWhereInputsAreScaled) {
  const Laboratory& lab = laboratory();
  for (const std::size_t stage : {attention, mlp}) {
    EXPECT_LT(lab.relative_error("w8-g32-awq", stage), 0.02);
    EXPECT_LT(lab.relative_error("w8a8-smooth", stage), 0.05);
    EXPECT_LT(lab.relative_error("w8a8-gptq-smooth", stage), 0.05);
    EXPECT_LT(lab.relative_error("w8a8-mse-smooth", stage), 0.05);
    EXPECT_LT(lab.relative_error("w8a8-smooth-static", stage), 0.1);
    EXPECT_LT(lab.relative_error("w8a8-static", stage), 0.1);
  }
}

TEST(BuildSite, LosesLessWithScalesThatFitTheInputs) {
  const Laboratory& lab = laboratory();
  for (const std::size_t stage : {attention, mlp}) {
    EXPECT_LT(lab.relative_error("w3-g32-awq", stage), lab.relative_error("w3-g32", stage));
    EXPECT_LT(lab.relative_error("w8a8-smooth", stage), lab.relative_error("w8a8", stage));
  }
}

TEST(BuildSite, DividesInputsOfTiedLinearsByTheSame) {
  const Laboratory& lab = laboratory();
  const ScratchDirectory scratch;
  const auto sites = sites_with(lab.model, {"w4-g32-awq"});
  const BankPlan plan(lab.model, sites);
  const LayerBank bank(write_bank(scratch / "bank.h5", plan, &*lab.calibration), plan);

  const std::vector<float> divisors = bank.layer(0, 0, 0).notes.divisors;

  EXPECT_EQ(divisors.size(), 64U);
  EXPECT_NE(divisors, std::vector<float>(64, divisors[0]));
  for (const std::size_t l : {1U, 2U}) EXPECT_EQ(bank.layer(0, l, 0).notes.divisors, divisors);
}

TEST(BuildSite, GivesEveryRoundingItsOwnBytes) {
  std::set<std::vector<std::byte>> seen;
  for (const char* option : {"w3a8-smooth", "w3a8-mse-smooth", "w3a8-gptq-smooth", "w3a8-gptq-act-smooth"})
    EXPECT_TRUE(seen.insert(laboratory().build(option, 0).packed).second) << option;
}

/// Sums of at most 96 products in another order, of values around 1.
void expect_near(const Matrix<float>& a, const Matrix<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double size = std::max(1.0, std::abs(double{b.data()[i]}));
    ASSERT_NEAR(a.data()[i], b.data()[i], 96 * 0x1p-24 * size) << i;
  }
}

TEST(BuildSite, TakesChannelsThatAreDeadAwayForNothing) {
  RandomModel files;
  files.zero_outputs("model.layers.0.mlp.gate_proj", 16, 48);
  files.zero_outputs("model.layers.0.mlp.up_proj", 16, 48);
  const Laboratory lab(files);

  for (const char* option : {"keep-67%", "keep-67%-wanda"}) expect_near(lab.run(option, mlp), lab.outputs[mlp]);
  EXPECT_GT(lab.relative_error("keep-34%", mlp), 0.01);
}

TEST(BuildSite, TakesAGroupOfHeadsThatIsDeadAwayForNothing) {
  for (const std::int64_t dead : {0, 1}) {
    RandomModel files;
    files.zero_outputs("model.layers.0.self_attn.v_proj", 16 * dead, 16 * dead + 16);
    const Laboratory lab(files);

    for (const char* option : {"keep-50%", "keep-50%-wanda"})
      expect_near(lab.run(option, attention), lab.outputs[attention]);
  }
}

TEST(BuildSite, RefitsWhatRemainsToTheInputs) {
  const Laboratory& lab = laboratory();
  for (const std::size_t stage : {attention, mlp}) {
    EXPECT_LT(lab.relative_error("keep-50%", stage), 1.0);
    EXPECT_GT(lab.relative_error("keep-50%", stage), 0.0);
    EXPECT_LT(lab.relative_error("keep-50%+w8-g32", stage), 1.0);
  }
}

TEST(BuildSite, LeavesTheInputOfASubLayerThatIsDropped) {
  const Laboratory& lab = laboratory();
  for (const std::size_t stage : {attention, mlp})
    EXPECT_TRUE(same_bits(lab.run("drop", stage).view(), lab.outputs[stage - 1].view()));
}

TEST(BuildSite, CountsWhatIsTakenAwayWhereItIsConsumed) {
  const Laboratory& lab = laboratory();
  for (std::size_t site = 0; site < 4; ++site) {
    const framework::BuiltSite dropped = lab.build("drop", site), shrunk = lab.build("keep-50%", site);
    EXPECT_TRUE(dropped.packed.empty());
    ASSERT_EQ(dropped.errors.size(), 1U);
    EXPECT_GT(dropped.errors[0].squared_weights, 0.0);
    EXPECT_EQ(dropped.errors[0].squared_error, dropped.errors[0].squared_weights);
    EXPECT_EQ(shrunk.errors[0].squared_weights, dropped.errors[0].squared_weights);
    EXPECT_EQ(shrunk.errors[0].squared_error > 0.0, site == 3);  // the bfloat16 weights of the others stay
    EXPECT_LT(shrunk.errors[0].squared_error, shrunk.errors[0].squared_weights);
  }
}

/// tr(D H D^T) with plain loops; OutputError sums in binary32 within 1e-5 of what is squared here.
double outputs_squared(const Matrix<float>& change, kernels::MatrixView<const float> hessian) {
  double total = 0;
  for (std::int64_t r = 0; r < change.rows(); ++r)
    for (std::int64_t i = 0; i < hessian.rows; ++i)
      for (std::int64_t j = 0; j < hessian.cols; ++j)
        total += double{change.row(r)[i]} * hessian.row(i)[j] * change.row(r)[j];
  return total;
}

TEST(BuildSite, CountsTheOutputsThatARefitDoesNotRestore) {
  const Laboratory& lab = laboratory();
  const ScratchDirectory scratch;
  const auto sites = sites_with(lab.model, {"keep-50%"});
  const BankPlan plan(lab.model, sites);
  const LayerBank bank(write_bank(scratch / "bank.h5", plan, &*lab.calibration), plan);
  const framework::Stage& stage = lab.model.stages()[attention];
  const framework::ActivationStatistics statistics = lab.calibration->read(stage, 3);
  const std::int64_t first_kept = bank.layer(0, 0, 0).notes.kept_outputs.front();  // of q_proj
  Matrix<float> weight, refitted;
  lab.model.read_weight(stage.linears[3], weight);
  const double energy = outputs_squared(weight, statistics.hessian());
  const framework::StoredLayer layer = bank.layer(3, 0, 0);
  framework::expand_body(sites[3].options[0], layer.shape, layer.body, refitted);
  for (std::int64_t r = 0; r < weight.rows(); ++r)
    for (std::int64_t c = 0; c < refitted.cols(); ++c) weight.row(r)[first_kept + c] -= refitted.row(r)[c];

  const framework::LocalError error = lab.build("keep-50%", 3).errors[0];

  EXPECT_NEAR(error.squared_weights, energy, 1e-5 * energy);
  EXPECT_NEAR(error.squared_error, outputs_squared(weight, statistics.hessian()), 1e-5 * energy);
}

TEST(BuildSite, NamesLayerAndOptionThatNeedCalibration) {
  const Laboratory& lab = laboratory();
  for (const char* option : {"w4-g32-gptq", "q4_0-imatrix", "2:4-wanda", "w8a8-static"}) {
    const auto sites = sites_with(lab.model, {"w4-g32", option});
    const BankPlan plan(lab.model, sites);
    EXPECT_TRUE(plan.needs_calibration());
    EXPECT_THAT([&] { framework::build_site(plan, 1, nullptr); },
                ThrowsMessage<InputError>(HasSubstr("model.layers.0.self_attn.k_proj, option " + std::string(option) +
                                                    ": needs calibration statistics, and there are none")));
  }
}

TEST(BuildSite, FailsAnOptionWhoseInputHasNoStaticScale) {
  RandomModel files;
  files.zero_outputs("model.layers.0.mlp.up_proj", 0, 96);
  const Laboratory lab(files);

  const framework::BuiltSite built = lab.build("w8a8-static", 6);

  ASSERT_EQ(built.failures.size(), 1U);
  EXPECT_THAT(built.failures[0].reason, HasSubstr("the input of model.layers.0.mlp.down_proj was 0 throughout"));
}

TEST(BuildSite, FailsWhatNeedsAHessianThatIsNoneAndBuildsTheRest) {
  const Laboratory& lab = laboratory();
  const ScratchDirectory scratch;
  AllStatistics doctored = gather_statistics(lab.model, random_windows(RandomModel::vocabulary, 24, length), 1);
  const framework::ActivationStatistics::State& sound = doctored.at({attention, 0}).state();
  framework::ActivationStatistics::State state{.hessian = {},
                                               .sums_of_squares = sound.sums_of_squares,
                                               .sums_of_magnitudes = sound.sums_of_magnitudes,
                                               .min = sound.min,
                                               .max = sound.max,
                                               .window_maxima = sound.window_maxima,
                                               .histogram = sound.histogram,
                                               .tokens = sound.tokens};
  state.hessian.reshape(sound.hessian.rows(), sound.hessian.cols());
  for (std::int64_t i = 0; i < state.hessian.rows(); ++i)
    for (std::int64_t j = 0; j < state.hessian.cols(); ++j) state.hessian.row(i)[j] = i == j ? 1.0f : -10.0f;
  doctored.insert_or_assign({attention, 0}, framework::ActivationStatistics(std::move(state)));
  const framework::CalibrationFile calibration(write_calibration(scratch / "c.h5", "k", lab.model, doctored), "k");
  const auto sites = sites_with(lab.model, {"w4-g32", "w4-g32-gptq", "w4-g32-gptq-act", "w8-channel"});
  const BankPlan plan(lab.model, sites);

  const framework::BuiltSite built = framework::build_site(plan, 0, &calibration);
  const LayerBank bank(write_bank(scratch / "bank.h5", plan, &calibration), plan);

  ASSERT_EQ(built.failures.size(), 2U);
  for (const framework::OptionFailure& failure : built.failures) {
    EXPECT_THAT(sites[0].options[failure.option].name(), HasSubstr("gptq"));
    EXPECT_THAT(failure.reason, HasSubstr("is not positive definite even with a damping of 1"));
  }
  EXPECT_EQ(bank.failures().size(), 6U);  // q, k and v read this input
  EXPECT_EQ(bank.sound_options(0).size(), 2U);
  EXPECT_EQ(bank.sound_options(3).size(), 4U);
  for (const std::uint8_t option : bank.sound_options(0))
    EXPECT_THAT(sites[0].options[option].name(), testing::Not(HasSubstr("gptq")));
}

TEST(LayerBank, LosesAStructureThatOneSiteCannotGoAlongWith) {
  RandomModel files;
  for (const std::size_t row : {0, 16})  // of both heads
    files.values.at("model.layers.0.self_attn.k_proj.weight")[row * RandomModel::hidden] = 1e6f;
  const Laboratory lab(files);
  const ScratchDirectory scratch;
  const auto sites = sites_with(lab.model, {"keep-50%+w2-g32", "keep-50%-magnitude", "w2-g32", "w16"});
  const BankPlan plan(lab.model, sites);

  const LayerBank bank(write_bank(scratch / "bank.h5", plan, &*lab.calibration), plan);

  const auto names = [&](std::size_t site) {
    std::vector<std::string> sound;
    for (const std::uint8_t o : bank.sound_options(site)) sound.push_back(sites[site].options[o].name());
    return sound;
  };
  EXPECT_THAT(names(1), testing::UnorderedElementsAre("keep-50%-magnitude", "w16"));
  for (const std::size_t site : {0, 2, 3})
    EXPECT_THAT(names(site), testing::UnorderedElementsAre("keep-50%-magnitude", "w2-g32", "w16"));
  EXPECT_EQ(names(4).size(), 4U);
  EXPECT_THAT(bank.failures().front().reason, HasSubstr("self_attn.k_proj cannot go along"));
}

TEST(BuildSite, FailsAnOptionWhoseScaleIsBeyondBinary16) {
  RandomModel files;
  files.values.at("model.layers.0.self_attn.k_proj.weight").front() = 1e6f;
  const Laboratory lab(files);
  const auto sites = sites_with(lab.model, {"w2-g32", "w16"});
  const BankPlan plan(lab.model, sites);

  const framework::BuiltSite built = framework::build_site(plan, 1, nullptr);

  ASSERT_EQ(built.failures.size(), 1U);
  EXPECT_THAT(built.failures[0].reason, HasSubstr("a binary16 scale is at most 65504"));
  EXPECT_TRUE(std::all_of(built.packed.begin(), built.packed.end(), [](std::byte b) { return b == std::byte{0}; }));
  EXPECT_EQ(LayerBank(write_bank(ScratchDirectory() / "bank.h5", plan), plan).sound_options(1).size(), 1U);
}

TEST(BuildSite, GivesTheSameBytesForAnyNumberOfThreads) {
  const Laboratory& lab = laboratory();
  for (const char* option : {"w3-g32-gptq-act", "w4-g32-awq", "w8a8-smooth-static", "keep-50%+w4-g32-gptq",
                             "2:4-sparsegpt+w4-g32", "50%-projection", "2:4-random", "q4_0-imatrix"}) {
    std::vector<framework::BuiltSite> built;
    for (const int threads : {1, 3}) {
      const WithThreads with(threads);
      built.push_back(lab.build(option, 0));
    }
    EXPECT_EQ(built[0].packed, built[1].packed) << option;
  }
}

TEST(LayerBank, HoldsNothingForSubLayersThatAreOnlyDropped) {
  const Laboratory& lab = laboratory();
  const ScratchDirectory scratch;
  const auto sites = sites_with(lab.model, {"drop", "w16"});
  const BankPlan plan(lab.model, sites);

  const LayerBank bank(write_bank(scratch / "bank.h5", plan), plan);

  EXPECT_EQ(plan.total_bytes(), 0);
  EXPECT_EQ(bank.local_error(0, 0), 1.0);
  EXPECT_EQ(bank.local_error(0, 1), 0.0);
}

}  // namespace
}  // namespace pare::test
