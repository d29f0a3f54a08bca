// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/choose_device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/comm/process_info.hpp"
#include "kernels/core/device.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/test_models.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::HasSubstr;

Experiment experiment(const std::string& more) {
  return parse_experiment("schema: 1\nmodel: {path: " + demo_model().string() +
                              "}\ndata: {calibration: self}\noptions: [w2-g32, w4-g32]\nbudget: {same_as: w2-g32}\n"
                              "output: runs/x\n" +
                              more,
                          "x.yaml", {});
}

class DeviceChoices : public testing::Test {
 protected:
  Plan plan_{experiment("")};
};

TEST_F(DeviceChoices, CpuIsNeverLeft) {
  EXPECT_EQ(on_device(experiment("device: cpu"), plan_, {}).computes_on.gpu, std::nullopt);
  EXPECT_EQ(on_same_device(experiment("device: auto"), false, {}).computes_on.gpu, std::nullopt);
}

TEST_F(DeviceChoices, CudaWithoutAGpuIsRefusedWithTheReasonAndTheHost) {
  if (kernels::device_count() > 0) GTEST_SKIP() << "there is a GPU";

  const std::string host = framework::host_name();
  EXPECT_EQ(error_of([&] { on_device(experiment("device: cuda"), plan_, {}); }),
            "device: cuda is not possible on " + host + ": " + kernels::why_no_device() + "; use device: cpu, or auto");
  EXPECT_EQ(error_of([&] { on_same_device(experiment(""), true, {}); }),
            "rank 0 evaluates on a GPU, " + host + " cannot: " + kernels::why_no_device());
}

TEST_F(DeviceChoices, AutoGoesOnWithTheCpuAndSaysWhy) {
  if (kernels::device_count() > 0) GTEST_SKIP() << "there is a GPU";

  const Experiment chosen = on_device(experiment("device: auto"), plan_, {});

  EXPECT_EQ(chosen.computes_on.gpu, std::nullopt);
  EXPECT_FALSE(chosen.containment.isolates());
  EXPECT_EQ(describe_device(chosen, plan_), "CPU (auto: " + kernels::why_no_device() + ")");
  EXPECT_EQ(describe_device(experiment("device: cpu"), plan_), "CPU");
  EXPECT_THAT(describe_device(experiment("device: cuda"), plan_), HasSubstr("GPUs, but not on this machine: "));
}

TEST_F(DeviceChoices, GpusAreTakenWhereTheExperimentCanRunThere) {
  if (kernels::device_count() == 0) GTEST_SKIP() << kernels::why_no_device();

  const Experiment chosen = on_device(experiment(""), plan_, {});

  EXPECT_EQ(chosen.computes_on.gpu, 0);
  EXPECT_TRUE(chosen.containment.isolates());
  EXPECT_EQ(on_device(experiment("evaluation: {precision: f32}"), plan_, {}).computes_on.gpu, std::nullopt);
  EXPECT_THAT(error_of([&] { on_device(experiment("device: cuda\nevaluation: {precision: f32}"), plan_, {}); }),
              HasSubstr("evaluation.precision is f32, GPUs compute in bf16"));
}

TEST_F(DeviceChoices, ExplainACardByItsName) {
  const std::string text = describe_card(experiment(""), plan_, "H100");

  EXPECT_THAT(text, HasSubstr("memory of one H100\n"));
  EXPECT_THAT(text, HasSubstr("  packed bank\n"));
  EXPECT_THAT(text, HasSubstr("of 78.90 GiB; 65536 tokens at a time\n"));
  EXPECT_THAT(error_of([&] { plan_gpu(experiment(""), plan_, 1 << 20); }), HasSubstr("even one window of 256 tokens"));
}

TEST_F(DeviceChoices, ExplainTheCardOfEveryRankOfAWorker) {
  const std::string text = describe_card(experiment("cluster: {ranks_per_worker: 2}"), plan_, "H100");

  EXPECT_THAT(text, HasSubstr("memory of one H100, 1 of 2 ranks of a worker, with the embedding and layers 0-2\n"));
  EXPECT_THAT(text, HasSubstr("memory of one H100, 2 of 2 ranks of a worker, with layers 3-5 and the head\n"));
}

TEST_F(DeviceChoices, DoNotChangeWhatARunIs) {
  EXPECT_EQ(experiment("device: cuda").identity, experiment("").identity);
  EXPECT_THAT(error_of([&] { experiment("device: gpu"); }), HasSubstr("device: unknown value 'gpu'"));
}

TEST_F(DeviceChoices, GpusKeepMoreStates) {
  Experiment chosen = experiment("");
  EXPECT_EQ(chosen.state_cache_bytes(), std::int64_t{64} << 20);
  chosen.computes_on.gpu = 0;
  EXPECT_EQ(chosen.state_cache_bytes(), std::int64_t{4096} << 20);
  chosen.state_cache_mib = 3;
  EXPECT_EQ(chosen.state_cache_bytes(), std::int64_t{3} << 20);
}

}  // namespace
}  // namespace pare::test
