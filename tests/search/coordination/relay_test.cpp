// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/relay.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <variant>

#include "search/coordination/protocol.hpp"

namespace pare::test {
namespace {

using namespace pare::search;

TEST(Relay, SaysAliveBeforeWhatTheWorkerSays) {
  auto [coordinator, rank] = framework::make_thread_channel();
  auto [line, worker] = framework::make_thread_channel();
  worker->send(encode(Reply{.number = 7, .seconds = 0, .outcome = Ready{}}));
  coordinator->send(encode(NumberedTask{0, Stop{false}}));

  EXPECT_FALSE(relay(*rank, *line, {}));

  EXPECT_TRUE(std::holds_alternative<Alive>(decode_reply(coordinator->receive()).outcome));
}

TEST(Relay, HandsTasksAndRepliesOnInTheirOrder) {
  auto [coordinator, rank] = framework::make_thread_channel();
  auto [line, worker] = framework::make_thread_channel();
  std::thread relaying([&] { EXPECT_TRUE(relay(*rank, *line, {})); });
  coordinator->send(encode(NumberedTask{1, BuildSite{4}}));
  coordinator->send(encode(NumberedTask{0, Echo{}}));
  coordinator->send(encode(NumberedTask{2, BuildSite{5}}));
  EXPECT_EQ(decode_task(worker->receive()).number, 1u);
  EXPECT_EQ(decode_task(worker->receive()).number, 2u);
  for (const std::uint64_t number : {1, 2})
    worker->send(encode(Reply{.number = number, .seconds = 0, .outcome = Ready{}}));
  EXPECT_TRUE(std::holds_alternative<Alive>(decode_reply(coordinator->receive()).outcome));
  EXPECT_EQ(decode_reply(coordinator->receive()).number, 1u);
  EXPECT_EQ(decode_reply(coordinator->receive()).number, 2u);
  coordinator->send(encode(NumberedTask{0, Stop{true}}));
  relaying.join();
}

TEST(Relay, KeepsSayingAliveWhileTheWorkerIsAtATask) {
  auto [coordinator, rank] = framework::make_thread_channel();
  auto [line, worker] = framework::make_thread_channel();
  std::thread relaying([&] { EXPECT_FALSE(relay(*rank, *line, {.heartbeat = std::chrono::milliseconds(1)})); });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::holds_alternative<Alive>(decode_reply(coordinator->receive()).outcome));
  coordinator->send(encode(NumberedTask{0, Stop{false}}));
  relaying.join();
}

}  // namespace
}  // namespace pare::test
