// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <stdexcept>
#include <thread>

#include "framework/comm/channel.hpp"

namespace pare::test {
namespace {

using framework::make_thread_channel;

std::vector<std::byte> message_of(int value) {
  std::vector<std::byte> message(sizeof value);
  std::memcpy(message.data(), &value, sizeof value);
  return message;
}

int value_of(const std::vector<std::byte>& message) {
  int value = -1;
  if (message.size() == sizeof value) std::memcpy(&value, message.data(), sizeof value);
  return value;
}

TEST(ThreadChannel, KeepsTheOrderOfTenThousandMessagesBothWays) {
  auto [here, there] = make_thread_channel();
  constexpr int count = 10'000;

  std::thread echo([&end = *there] {
    for (int i = 0; i < count; ++i) end.send(end.receive());
  });
  for (int i = 0; i < count; ++i) here->send(message_of(i));
  std::vector<int> received;
  for (int i = 0; i < count; ++i) received.push_back(value_of(here->receive()));
  echo.join();

  for (int i = 0; i < count; ++i) ASSERT_EQ(received[static_cast<std::size_t>(i)], i);
}

TEST(ThreadChannel, CarriesLargeAndEmptyMessages) {
  auto [here, there] = make_thread_channel();
  const std::vector<std::byte> large(std::size_t{64} << 20, std::byte{7});

  here->send(large);
  here->send({});

  EXPECT_EQ(there->receive(), large);
  EXPECT_TRUE(there->receive().empty());
}

TEST(ThreadChannel, TryReceiveDoesNotWait) {
  auto [here, there] = make_thread_channel();

  EXPECT_FALSE(there->try_receive());
  here->send(message_of(5));
  const auto message = there->try_receive();

  ASSERT_TRUE(message);
  EXPECT_EQ(value_of(*message), 5);
}

TEST(ThreadChannel, DeliversWhatWasSentBeforeTheOtherEndWasClosed) {
  auto [here, there] = make_thread_channel();

  here->send(message_of(1));
  here.reset();

  EXPECT_EQ(value_of(there->receive()), 1);
  EXPECT_THROW(there->receive(), std::runtime_error);
  EXPECT_THROW(there->try_receive(), std::runtime_error);
  EXPECT_THROW(there->send({}), std::runtime_error);
}

TEST(ThreadChannel, WakesAReceiverWhenTheOtherEndIsClosed) {
  auto [here, there] = make_thread_channel();
  bool broken = false;

  std::thread waiting([&] {
    try {
      there->receive();
    } catch (const std::runtime_error&) {
      broken = true;
    }
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  here.reset();
  waiting.join();

  EXPECT_TRUE(broken);
}

}  // namespace
}  // namespace pare::test
