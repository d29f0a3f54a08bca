// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/socket_channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace pare::framework {
namespace {

using Message = std::vector<std::byte>;

constexpr std::uint32_t frame_magic = 0x31455250;  // "PRE1"
constexpr std::uint64_t longest_message = std::uint64_t{64} << 30;
constexpr std::size_t head_bytes = sizeof(frame_magic) + sizeof(std::uint64_t);
constexpr std::size_t read_bytes = std::size_t{256} << 10;

[[noreturn]] void throw_broken(const char* action, int error_number) {
  throw std::runtime_error(std::string(action) + " the other process failed (" +
                           std::generic_category().message(error_number) + ")");
}

bool would_wait(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

class SocketChannel final : public Channel {
 public:
  explicit SocketChannel(Descriptor socket) : socket_(std::move(socket)), buffer_(read_bytes) {}

  void send(std::span<const std::byte> message) override {
    std::array<std::byte, head_bytes> head{};
    const std::uint64_t length = message.size();
    std::memcpy(head.data(), &frame_magic, sizeof(frame_magic));
    std::memcpy(head.data() + sizeof(frame_magic), &length, sizeof(length));
    out_.insert(out_.end(), head.begin(), head.end());
    out_.insert(out_.end(), message.begin(), message.end());
    flush();
  }

  std::optional<Message> try_receive() override {
    // A peer that died cannot take what we send, but what it sent before is still to be read.
    if (!send_error_) flush();
    while (true) {
      if (auto message = take_frame()) return message;
      const ssize_t got = ::recv(socket_.number(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (got < 0 && would_wait(errno)) return std::nullopt;
      if (got < 0) throw_broken("receiving from", errno);
      if (got == 0) throw std::runtime_error("the other process has closed the line");
      in_.insert(in_.end(), buffer_.begin(), buffer_.begin() + got);
    }
  }

  Message receive() override {
    while (true) {
      if (auto message = try_receive()) return std::move(*message);
      const bool sending = sent_ < out_.size() && !send_error_;
      pollfd waiting{socket_.number(), static_cast<short>(sending ? POLLIN | POLLOUT : POLLIN), 0};
      ::poll(&waiting, 1, -1);
    }
  }

 private:
  void flush() {
    while (sent_ < out_.size()) {
      const ssize_t count =
          ::send(socket_.number(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count < 0 && would_wait(errno)) return;
      if (count < 0) {
        send_error_ = true;
        return;
      }
      sent_ += static_cast<std::size_t>(count);
    }
    out_.clear();
    sent_ = 0;
  }

  std::optional<Message> take_frame() {
    if (in_.size() < head_bytes) return std::nullopt;
    std::uint32_t magic = 0;
    std::uint64_t length = 0;
    std::memcpy(&magic, in_.data(), sizeof(magic));
    std::memcpy(&length, in_.data() + sizeof(magic), sizeof(length));
    if (magic != frame_magic || length > longest_message) {
      throw std::runtime_error("the other process sent bytes that are no message");
    }
    if (in_.size() - head_bytes < length) return std::nullopt;
    const auto begin = in_.begin() + head_bytes;
    const auto end = begin + static_cast<std::ptrdiff_t>(length);
    Message message(begin, end);
    in_.erase(in_.begin(), end);
    return message;
  }

  Descriptor socket_;
  Message buffer_;
  Message in_;   ///< received, not yet taken
  Message out_;  ///< sent by our side; the first `sent_` bytes have left
  std::size_t sent_ = 0;
  bool send_error_ = false;  ///< the peer reads no more: receiving says so once all that it sent was read
};

}  // namespace

std::unique_ptr<Channel> make_socket_channel(Descriptor socket) {
  return std::make_unique<SocketChannel>(std::move(socket));
}

}  // namespace pare::framework
