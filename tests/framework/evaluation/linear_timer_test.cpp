// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/linear_timer.hpp"

#include <gtest/gtest.h>

#include "kernels/core/device.hpp"

namespace pare::test {
namespace {

using framework::LinearTimer;
using framework::parse_option;
using framework::Phase;

void expect_times(LinearTimer& timer, const char* option, std::int64_t tokens) {
  const auto time = timer.time({96, 256}, parse_option(option), Phase::decode, tokens);
  EXPECT_GT(time.lowest, 0) << option;
  EXPECT_LE(time.lowest, time.median) << option;
  EXPECT_LE(time.median, time.highest) << option;
}

TEST(LinearTimer, TimesTheCpusLayersByTheirArithmetic) {
  const auto timer = framework::cpu_linear_timer(kernels::Precision::f32);

  EXPECT_EQ(timer->arithmetic(parse_option("w3-g32")), timer->arithmetic(parse_option("w8-g32")));
  EXPECT_NE(timer->arithmetic(parse_option("w8-g32")), timer->arithmetic(parse_option("w8a8")));
  expect_times(*timer, "w3-g32", 3);
  expect_times(*timer, "w8a8", 3);
}

TEST(LinearTimer, TimesEveryKindOfLayerOnAGpu) {
  if (kernels::device_count() == 0) GTEST_SKIP() << kernels::why_no_device();
  const auto timer = framework::gpu_linear_timer(0);

  for (const char* option : {"w16", "w3-g32", "w4-g32", "w8-channel", "w4-tensor", "q4_0", "q2_k", "w8a8", "w4a8",
                             "w8a8-static", "2:4-magnitude", "50%-magnitude+w4-g32"}) {
    expect_times(*timer, option, 1);
    expect_times(*timer, option, 40);
  }
  EXPECT_NE(timer->arithmetic(parse_option("w3-g32")), timer->arithmetic(parse_option("w4-g32")));
}

}  // namespace
}  // namespace pare::test
