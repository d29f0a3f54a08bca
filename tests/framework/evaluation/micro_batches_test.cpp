// SPDX-License-Identifier: Apache-2.0
#include "framework/evaluation/micro_batches.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pare::test {
namespace {

using framework::MicroBatches;
using Pieces = std::vector<std::pair<std::int64_t, std::int64_t>>;

/// A GPU on which `room` windows have room at a time; more once kept states are gone.
struct ScriptedGpu {
  std::int64_t room = 0;
  std::int64_t kept = 0;
  int releases = 0;
  Pieces done = {};

  void run(MicroBatches& batches, std::int64_t count) {
    batches.for_each(
        count,
        [&](std::int64_t first, std::int64_t windows) {
          if (windows > room - kept) throw DeviceMemoryError("out of memory");
          done.emplace_back(first, windows);
        },
        [&] {
          kept = 0;
          ++releases;
        });
  }
};

TEST(MicroBatches, CoverAllWindowsInOrder) {
  ScriptedGpu gpu{.room = 100};
  MicroBatches batches(4);
  gpu.run(batches, 10);

  EXPECT_EQ(gpu.done, (Pieces{{0, 4}, {4, 4}, {8, 2}}));
  EXPECT_EQ(gpu.releases, 0);
}

TEST(MicroBatches, GiveBackKeptStatesBeforeTheyShrink) {
  ScriptedGpu gpu{.room = 4, .kept = 2};
  MicroBatches batches(4);
  gpu.run(batches, 4);

  EXPECT_EQ(gpu.done, (Pieces{{0, 4}}));
  EXPECT_EQ(batches.most_windows(), 4);
}

TEST(MicroBatches, ShrinkUntilThereIsRoomAndStaySmall) {
  ScriptedGpu gpu{.room = 3};
  MicroBatches batches(16);
  gpu.run(batches, 5);
  gpu.run(batches, 2);

  EXPECT_EQ(gpu.done, (Pieces{{0, 2}, {2, 2}, {4, 1}, {0, 2}}));
  EXPECT_EQ(batches.most_windows(), 2);
}

TEST(MicroBatches, FailWithTheGpusOwnTextWhenOneWindowHasNoRoom) {
  ScriptedGpu gpu{.room = 0};
  MicroBatches batches(8);

  EXPECT_THAT([&] { gpu.run(batches, 8); }, testing::ThrowsMessage<DeviceMemoryError>(testing::StrEq("out of memory")));
  EXPECT_TRUE(gpu.done.empty());
  EXPECT_EQ(batches.most_windows(), 1);
}

TEST(MicroBatches, DoNotRepeatWhatFailedForAnotherReason) {
  MicroBatches batches(8);
  int calls = 0;

  EXPECT_THROW(batches.for_each(
                   8,
                   [&](std::int64_t, std::int64_t) {
                     ++calls;
                     throw DeviceError("an illegal memory access was encountered", true);
                   },
                   [] {}),
               DeviceError);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace pare::test
