// SPDX-License-Identifier: Apache-2.0
// Every test runs on all ranks; rank 0 talks to each of the others.
#include "framework/comm/process_group.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>

#include "framework/comm/launcher.hpp"

namespace pare::test {
namespace {

using framework::Channel;
using framework::ProcessGroup;
using Message = std::vector<std::byte>;

ProcessGroup* group = nullptr;

Message message_of(std::int64_t value, std::size_t size = sizeof(std::int64_t)) {
  Message message(size, static_cast<std::byte>(value));
  std::memcpy(message.data(), &value, sizeof value);
  return message;
}

std::int64_t value_of(const Message& message) {
  std::int64_t value = -1;
  if (message.size() >= sizeof value) std::memcpy(&value, message.data(), sizeof value);
  return value;
}

std::vector<std::unique_ptr<Channel>> lines_to_workers() {
  std::vector<std::unique_ptr<Channel>> lines;
  for (int peer = 1; peer < group->size(); ++peer) lines.push_back(group->channel(peer));
  return lines;
}

TEST(ProcessGroup, KnowsItsRanks) {
  EXPECT_GE(group->rank(), 0);
  EXPECT_LT(group->rank(), group->size());
  EXPECT_EQ(group->local_size(), group->size());  // these tests run on one host
  EXPECT_EQ(group->local_rank(), group->rank());
}

TEST(ProcessGroup, KnowsTheNodeOfEveryRank) {
  ASSERT_EQ(static_cast<int>(group->nodes().size()), group->size());
  for (const std::string& node : group->nodes()) EXPECT_EQ(node, framework::node_name());
}

TEST(ProcessGroup, KeepsBulkDataApartFromOtherMessages) {
  if (group->rank() != 0) {
    const auto line = group->channel(0);
    const auto bulk = group->channel(0, framework::Traffic::files);
    EXPECT_EQ(value_of(line->receive()), 2);  // sent after the bulk
    EXPECT_EQ(value_of(bulk->receive()), 1);
    line->send(message_of(3));
    return;
  }
  for (int peer = 1; peer < group->size(); ++peer) {
    const auto line = group->channel(peer);
    group->channel(peer, framework::Traffic::files)->send(message_of(1, std::size_t{40} << 20));
    line->send(message_of(2));
    EXPECT_EQ(value_of(line->receive()), 3);
  }
}

TEST(ProcessGroup, PlaysPingPong) {
  if (group->rank() != 0) {
    const auto line = group->channel(0);
    for (int i = 0; i < 200; ++i) line->send(message_of(value_of(line->receive()) + 1));
    return;
  }
  const auto lines = lines_to_workers();
  for (int i = 0; i < 200; ++i) {
    for (const auto& line : lines) line->send(message_of(i));
    for (const auto& line : lines) ASSERT_EQ(value_of(line->receive()), i + 1);
  }
}

TEST(ProcessGroup, KeepsTheOrderOfManySmallMessagesBothWays) {
  constexpr int count = 20'000;
  const auto lines = group->rank() == 0 ? lines_to_workers() : std::vector<std::unique_ptr<Channel>>{};
  const auto check = [](Channel& line) {
    for (int i = 0; i < count; ++i) line.send(message_of(i));
    for (int i = 0; i < count; ++i) ASSERT_EQ(value_of(line.receive()), i);
  };

  if (group->rank() != 0) check(*group->channel(0));
  for (const auto& line : lines) check(*line);
}

TEST(ProcessGroup, CarriesLongAndEmptyMessagesInOrder) {
  const std::vector<std::size_t> sizes = {8, (std::size_t{64} << 20) + 1, 100'000, std::size_t{32} << 20, 9};
  if (group->rank() != 0) {
    const auto line = group->channel(0);
    for (std::size_t i = 0; i <= sizes.size(); ++i) line->send(line->receive());
    return;
  }
  const auto lines = lines_to_workers();

  for (const auto& line : lines) {
    for (const std::size_t size : sizes) line->send(message_of(static_cast<std::int64_t>(size), size));
    line->send({});
  }

  for (const auto& line : lines) {
    for (const std::size_t size : sizes)
      ASSERT_TRUE(line->receive() == message_of(static_cast<std::int64_t>(size), size));
    ASSERT_TRUE(line->receive().empty());
  }
}

TEST(ProcessGroup, TryReceiveNeverWaits) {
  if (group->rank() != 0) {
    const auto line = group->channel(0);
    line->receive();
    line->send(message_of(42, std::size_t{48} << 20));
    line->receive();
    return;
  }
  for (const auto& line : lines_to_workers()) {
    EXPECT_FALSE(line->try_receive());
    line->send(message_of(1));
    std::optional<Message> answer;
    while (!answer) answer = line->try_receive();
    EXPECT_EQ(value_of(*answer), 42);
    line->send(message_of(2));
  }
}

TEST(ProcessGroup, DeliversWhatWasSentBeforeTheChannelWasClosed) {
  if (group->rank() != 0) {
    group->channel(0)->send(message_of(group->rank(), 1'000'000));
    return;
  }
  for (int peer = 1; peer < group->size(); ++peer) EXPECT_EQ(value_of(group->channel(peer)->receive()), peer);
}

}  // namespace
}  // namespace pare::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  pare::framework::ProcessGroup group(argc, argv, [](pare::framework::Channel&) { return 0; });
  pare::test::group = &group;
  return RUN_ALL_TESTS();
}
