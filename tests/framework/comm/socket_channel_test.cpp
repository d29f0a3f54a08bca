// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/socket_channel.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

namespace pare::test {
namespace {

using framework::Channel;
using framework::Descriptor;
using Message = std::vector<std::byte>;

class SocketChannel : public testing::Test {
 protected:
  SocketChannel() {
    std::array<int, 2> pair{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
    raw_ = Descriptor(pair[0]);
    channel_ = framework::make_socket_channel(Descriptor(pair[1]));
  }

  void connect() { peer_ = framework::make_socket_channel(std::move(raw_)); }

  /// A frame by hand, of which `sent` bytes are announced.
  void write_frame(std::uint32_t magic, std::uint64_t announced, std::size_t sent) {
    Message frame(12 + sent);
    std::memcpy(frame.data(), &magic, 4);
    std::memcpy(frame.data() + 4, &announced, 8);
    ASSERT_EQ(::send(raw_.number(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
  }

  Descriptor raw_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<Channel> peer_;
};

TEST_F(SocketChannel, KeepsMessagesWholeAndInOrder) {
  connect();
  for (const std::size_t size : {0U, 1U, 5000U, 3U}) peer_->send(Message(size, std::byte{7}));

  for (const std::size_t size : {0U, 1U, 5000U, 3U}) EXPECT_EQ(channel_->receive(), Message(size, std::byte{7}));
  EXPECT_FALSE(channel_->try_receive());
}

TEST_F(SocketChannel, SendsWhatTheSocketCannotHoldWithoutWaiting) {
  connect();
  const Message large(20'000'000, std::byte{3});
  peer_->send(large);
  std::thread sender([&] { EXPECT_EQ(peer_->receive(), Message(1)); });  // the rest leaves while it waits

  EXPECT_EQ(channel_->receive(), large);
  channel_->send(Message(1));
  sender.join();
}

TEST_F(SocketChannel, DeliversWhatWasSentBeforeThePeerWent) {
  connect();
  peer_->send(Message(10));
  peer_.reset();

  EXPECT_EQ(channel_->receive(), Message(10));
  EXPECT_THROW(channel_->try_receive(), std::runtime_error);
}

TEST_F(SocketChannel, DropsAMessageThatWasCutOff) {
  write_frame(0x31455250, 100, 99);
  EXPECT_FALSE(channel_->try_receive());
  raw_.close();

  EXPECT_THROW(channel_->try_receive(), std::runtime_error);
}

TEST_F(SocketChannel, RefusesBytesThatAreNoFrame) {
  write_frame(0x12345678, 1, 1);

  EXPECT_THROW(channel_->try_receive(), std::runtime_error);
}

TEST_F(SocketChannel, RefusesALengthBeyondAnyMessage) {
  write_frame(0x31455250, ~std::uint64_t{0}, 1);

  EXPECT_THROW(channel_->try_receive(), std::runtime_error);
}

TEST_F(SocketChannel, DoesNotFailInSendingToADeadPeer) {
  raw_.close();

  EXPECT_NO_THROW(channel_->send(Message(1000)));
  EXPECT_THROW(channel_->try_receive(), std::runtime_error);
}

}  // namespace
}  // namespace pare::test
