// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/device_memory_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using namespace pare::framework;
using testing::HasSubstr;
using testing::ThrowsMessage;

constexpr std::int64_t mebi = std::int64_t{1} << 20;

/// 256 MiB that stay, and a walk whose parts are easy to add up.
DeviceDemand demand() {
  return {.sizes = {},
          .resident = {{"packed bank", 200 * mebi}, {"the rest", 56 * mebi}},
          .walk = {.hidden = 64,
                   .query_width = 64,
                   .key_value_width = 32,
                   .intermediate = 96,
                   .vocabulary = 2048,
                   .top_k = 8,
                   .states = 7},
          .window_length = 1024};
}

TEST(WalkLayout, AddsUpToWhatTheBuffersTake) {
  const WalkLayout layout(demand().walk, 1024);

  EXPECT_EQ(layout.text_bytes, 1024 * 4 * (3 + 2 * 8));
  EXPECT_EQ(layout.states_bytes, 7 * 1024 * 64 * 4);
  // Common: the normed input, code scales, and codes of up to 96 inputs. The head's share is the largest: two losses a
  // token, and either two parts for each of two spans, eight words and the target, or all logits.
  EXPECT_EQ(layout.activation_bytes, 1024 * (64 * 2 + 4 + 96) + 2 * 1024 * 4 + 1024 * 2048 * 4);
  EXPECT_EQ(layout.total_bytes(), layout.text_bytes + layout.states_bytes + layout.activation_bytes);
}

TEST(WalkLayout, KeepsBuffersApart) {
  const WalkLayout layout(demand().walk, 1000);

  EXPECT_EQ(layout.k - layout.q, 1000 * 64 * 2);
  EXPECT_EQ(layout.up - layout.gate, 1000 * 96 * 2);
  EXPECT_EQ(layout.q, layout.gate);  // attention and mlp take turns
  EXPECT_EQ(layout.states % 256 + layout.q % 256 + layout.workspace % 256, 0);
}

TEST(DeviceMemoryPlan, TakesAsManyWindowsAsHaveRoom) {
  const DeviceDemand needs = demand();
  const std::int64_t fixed = 256 * mebi + DeviceMemoryPlan::reserve_bytes;
  const std::int64_t three = WalkLayout(needs.walk, 3 * 1024).total_bytes();

  const DeviceMemoryPlan plan = plan_device_memory(needs, fixed + three, 0);
  const DeviceMemoryPlan short_of_a_byte = plan_device_memory(needs, fixed + three - 1, 0);

  EXPECT_EQ(plan.micro_batch_tokens, 3 * 1024);
  EXPECT_EQ(plan.total_bytes(), 256 * mebi + three);
  EXPECT_EQ(short_of_a_byte.micro_batch_tokens, 2 * 1024);
}

TEST(DeviceMemoryPlan, KeepsStatesInAQuarterOfWhatIsLeft) {
  const std::int64_t fixed = 256 * mebi + DeviceMemoryPlan::reserve_bytes;

  EXPECT_EQ(plan_device_memory(demand(), fixed + 400 * mebi, 4096 * mebi).kept_state_bytes, 100 * mebi);
  EXPECT_EQ(plan_device_memory(demand(), fixed + 400 * mebi, 64 * mebi).kept_state_bytes, 64 * mebi);
}

TEST(DeviceMemoryPlan, StopsAtTheTokensBeyondWhichNothingIsWon) {
  EXPECT_EQ(plan_device_memory(demand(), std::int64_t{80} << 30, 0).micro_batch_tokens,
            DeviceMemoryPlan::most_micro_batch_tokens);
}

TEST(DeviceMemoryPlan, NamesItsItemsWhereOneWindowHasNoRoom) {
  EXPECT_THAT(
      [] { plan_device_memory(demand(), 700 * mebi, 0); },
      ThrowsMessage<InputError>(AllOf(HasSubstr("the GPU has 700.0 MiB free, but even one window of 1024 tokens takes"),
                                      HasSubstr("packed bank 200.0 MiB"), HasSubstr("offer fewer options"))));
}

TEST(DeviceMemoryPlan, KnowsCardsByName) {
  EXPECT_EQ(card_memory("H100"), (81559 - 768) * mebi);
  EXPECT_THAT([] { card_memory("H10"); },
              ThrowsMessage<InputError>(HasSubstr("unknown card 'H10', did you mean 'H100'?")));
}

TEST(DeviceMemorySizes, CountEveryOptionInTheFormInWhichItLies) {
  const RandomModel files;
  const Model model(files.write());
  const auto bytes = [&](const char* option) {
    const auto sites = sites_with(model, {option});
    return device_memory_sizes(BankPlan(model, sites), 24);
  };
  // Seven linears a layer: q and o 64 x 64, k and v 32 x 64, gate and up 96 x 64, down 64 x 96, two layers.
  const std::int64_t dense = 2 * 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64);

  EXPECT_EQ(bytes("w16").bank, 0);
  EXPECT_EQ(bytes("w16").full, dense);
  EXPECT_EQ(bytes("2:4-magnitude").bank, dense);
  EXPECT_EQ(bytes("w8").full, 0);
  // Codes of 8 bits in rows of 64 or 96 bytes, scales in 256 bytes a matrix (at most 96 rows), zeros likewise.
  EXPECT_EQ(bytes("w8").bank, dense / 2 + 2 * 7 * 2 * 256);
  EXPECT_GT(bytes("w4-g32-awq").scratch, 0);
  EXPECT_EQ(bytes("w8").scratch, 0);
  EXPECT_EQ(bytes("w8").rope, 2 * 24 * 8 * 4);
}

}  // namespace
}  // namespace pare::test
