// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_evaluator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <span>

#include "framework/comm/shared_buffer.hpp"
#include "kernels/core/device.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using framework::CandidateScores;
using framework::OptionIndices;
using kernels::Precision;
using ::testing::ElementsAreArray;

constexpr std::int64_t kept_bytes = std::int64_t{64} << 20;

/// The very options that must run: every way to store a layer, to quantize its inputs and to take structure away.
struct Kind {
  const char* name;
  std::vector<std::string> options;
  bool small = false;  ///< a model with biases, whose statistics are soon gathered
};

class DeviceEvaluators : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    if (kernels::device_count() == 0) GTEST_SKIP() << kernels::why_no_device();
    world_.emplace(GetParam().small ? files_.write() : demo_model(), GetParam().options, Precision::bf16);
  }

  framework::DeviceEvaluator on_gpu(const framework::StageRange& stages = {}) const {
    return {framework::gpu_of_rank({}),
            world_->model,
            world_->bank,
            SmallWorld::length,
            world_->teacher_plan.top_k,
            {.state_bytes = kept_bytes, .stages = stages}};
  }

  /// Uniform candidates, the full model, and some with changes here and there, as a search has them.
  std::vector<OptionIndices> candidates() const {
    const std::size_t options = GetParam().options.size();
    std::vector<OptionIndices> all{OptionIndices(world_->sites.size(), framework::full_precision_option)};
    for (std::size_t o = 0; o < options; ++o) all.emplace_back(world_->sites.size(), static_cast<std::uint8_t>(o));
    std::mt19937 random(3);
    for (int i = 0; i < 4; ++i) {
      OptionIndices& mixed = all.emplace_back(all[1 + random() % options]);
      const std::size_t stage = world_->sites[random() % world_->sites.size()].stage;
      const auto option = static_cast<std::uint8_t>(random() % options);
      for (std::size_t s = 0; s < mixed.size(); ++s)
        if (world_->sites[s].stage == stage) mixed[s] = option;
    }
    return all;
  }

  RandomModel files_;
  std::optional<SmallWorld> world_;
};

/// Both take the same operands in the same precision for all products. Beyond that the GPU rounds q, k, v, what attention
/// gives, gate and up to bfloat16 (2^-9 of each value at most, a third of its square on average) where the CPU keeps
/// binary32 until the next product. Over the d = 12 sub-layers of the demo model, with about five such roundings each, the
/// relative error of a hidden state is sqrt(5 d / 3) 2^-9 = 0.9 %, that of logits which spread over 3 nats about 0.03
/// nats. A mean of 23 positions then moves by about 0.03 / sqrt(23) = 0.006 nats in the likelihood; the divergence, whose
/// slope is sqrt(2 KL) at KL, by that times the slope, and by half the square of the error, 0.0005. Four times that:
double divergence_tolerance(double kl) {
  return 4 * (0.0005 + 0.006 * std::sqrt(2 * std::max(kl, 0.0)));
}
constexpr double likelihood_tolerance = 4 * 0.006;

TEST_P(DeviceEvaluators, AgreeWithTheCpuOnEveryOption) {
  const auto all = candidates();
  const auto cpu = world_->evaluator(Precision::bf16).evaluate(all, world_->text.search, 0, 3, world_->teacher, 0);

  const auto gpu = on_gpu().evaluate(all, world_->text.search, 0, 3, world_->teacher, 0);

  for (std::size_t c = 0; c < all.size(); ++c) {
    for (std::size_t w = 0; w < 3; ++w) {
      const double kl = cpu.scores[c].kl[w];
      EXPECT_NEAR(gpu.scores[c].kl[w], kl, divergence_tolerance(kl)) << "candidate " << c << ", window " << w;
      EXPECT_NEAR(gpu.scores[c].nll[w], cpu.scores[c].nll[w], likelihood_tolerance)
          << "candidate " << c << ", window " << w;
    }
  }
}

TEST_P(DeviceEvaluators, GiveTheBitsOfEachCandidateAloneForAnyWindowsAndAnyPast) {
  const auto all = candidates();
  std::vector<CandidateScores> alone;
  for (const OptionIndices& candidate : all) {
    CandidateScores& scores = alone.emplace_back();
    for (std::int64_t w = 0; w < 3; ++w) {
      const auto one = on_gpu().evaluate({&candidate, 1}, world_->text.search, w, 1, world_->teacher, w);
      scores.kl.push_back(one.scores[0].kl[0]);
      scores.nll.push_back(one.scores[0].nll[0]);
    }
  }
  auto evaluator = on_gpu();

  for (int call = 0; call < 3; ++call) {  // the second and third find states that were kept
    const auto together = evaluator.evaluate(all, world_->text.search, 0, 3, world_->teacher, 0);
    for (std::size_t c = 0; c < all.size(); ++c) {
      EXPECT_THAT(together.scores[c].kl, ElementsAreArray(alone[c].kl)) << "candidate " << c;
      EXPECT_THAT(together.scores[c].nll, ElementsAreArray(alone[c].nll)) << "candidate " << c;
    }
    EXPECT_LT(together.runs.made, together.runs.separate);
  }
}

TEST_P(DeviceEvaluators, GiveTheSameScoresWhenTheirStagesAreSplit) {
  const auto all = candidates();
  const auto whole = on_gpu().evaluate(all, world_->text.search, 0, 3, world_->teacher, 0);
  auto first = on_gpu(framework::part_of_chain(world_->model.config(), 2, 0));
  auto second = on_gpu(framework::part_of_chain(world_->model.config(), 2, 1));

  // As two processes do it: in page-locked memory that both map.
  framework::SharedBuffer memory(framework::CopiedBy::gpu);
  framework::SharedView view(framework::CopiedBy::gpu);
  std::size_t passed = 0;
  const auto room = [&](std::size_t values) {
    passed = values;
    return std::span(reinterpret_cast<float*>(memory.room(values * sizeof(float)).data()), values);
  };

  first.pass(all, world_->text.search, 0, 3, room);
  const auto seen = view.look(memory.place(), passed * sizeof(float));
  const auto split = second.evaluate(all, world_->text.search, 0, 3, world_->teacher, 0,
                                     {reinterpret_cast<const float*>(seen.data()), passed});

  for (std::size_t c = 0; c < all.size(); ++c) {
    EXPECT_THAT(split.scores[c].kl, ElementsAreArray(whole.scores[c].kl)) << "candidate " << c;
    EXPECT_THAT(split.scores[c].nll, ElementsAreArray(whole.scores[c].nll)) << "candidate " << c;
  }
}

TEST_P(DeviceEvaluators, TeachWhatTheCpuTeaches) {
  const std::int64_t top_k = world_->teacher_plan.top_k;
  const auto cpu = world_->evaluator(Precision::bf16).teach(world_->text.search, 0, 3, top_k);

  const auto gpu = on_gpu().teach(world_->text.search, 0, 3, top_k);

  ASSERT_EQ(gpu.ids, cpu.ids);  // the whole vocabulary
  for (std::size_t w = 0; w < 3; ++w) EXPECT_NEAR(gpu.nll[w], cpu.nll[w], likelihood_tolerance);
  // Of single words only the likely ones are bound: 0.03 nats, six times, for the worst of many.
  for (std::size_t i = 0; i < cpu.log_probabilities.size(); ++i) {
    if (cpu.log_probabilities[i] < -5) continue;
    ASSERT_NEAR(gpu.log_probabilities[i], cpu.log_probabilities[i], 0.2) << i;
  }
}

TEST_P(DeviceEvaluators, PlanTheMemoryThatTheyTake) {
  const kernels::Stream stream(0);
  const std::int64_t before = kernels::free_device_memory(stream);
  auto evaluator = on_gpu();
  const auto all = candidates();

  evaluator.evaluate(all, world_->text.search, 0, 3, world_->teacher, 0);

  const std::int64_t taken = before - kernels::free_device_memory(stream);
  EXPECT_LE(taken, evaluator.memory().total_bytes() + framework::DeviceMemoryPlan::reserve_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, DeviceEvaluators,
    ::testing::Values(Kind{"grids", {"w2-g32", "w3-channel", "w4-g32-sym", "w8-tensor", "w16"}},
                      Kind{"blocks", {"q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "q4_0", "q8_0", "iq4_nl"}},
                      Kind{"int8", {"w4a8", "w6a8", "w8a8", "w8a8-tensor"}}, Kind{"mixed", {"w4a8", "w4-g32", "w8a8"}},
                      Kind{"sparse", {"2:4-magnitude", "50%-magnitude+w4-g32", "50%-magnitude-dense+w8a8"}},
                      Kind{"structure", {"drop", "keep-50%+w4-g32", "keep-50%+w8-g32", "w4-g32"}, true},
                      Kind{"calibrated", {"w3-g32-gptq", "w4-g32-awq", "w8a8-smooth-static", "q4_0-imatrix"}, true}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace pare::test
