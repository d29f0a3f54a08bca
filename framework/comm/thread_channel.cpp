// SPDX-License-Identifier: Apache-2.0
#include <condition_variable>
#include <deque>
#include <mutex>
#include <stdexcept>

#include "framework/comm/channel.hpp"

namespace pare::framework {
namespace {

using Message = std::vector<std::byte>;

/// One direction of a line.
class Queue {
 public:
  void push(Message message) {
    {
      const std::lock_guard lock(mutex_);
      if (closed_) throw std::runtime_error("cannot send: the other end of the line is gone");
      messages_.push_back(std::move(message));
    }
    arrived_.notify_one();
  }

  std::optional<Message> try_pop() {
    const std::lock_guard lock(mutex_);
    if (messages_.empty() && !closed_) return std::nullopt;
    return take();
  }

  Message pop() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return !messages_.empty() || closed_; });
    return take();
  }

  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    arrived_.notify_one();
  }

 private:
  Message take() {
    if (messages_.empty()) throw std::runtime_error("cannot receive: the other end of the line is gone");
    Message message = std::move(messages_.front());
    messages_.pop_front();
    return message;
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Message> messages_;
  bool closed_ = false;
};

class ThreadChannel final : public Channel {
 public:
  ThreadChannel(std::shared_ptr<Queue> in, std::shared_ptr<Queue> out) : in_(std::move(in)), out_(std::move(out)) {}

  ~ThreadChannel() override {
    in_->close();
    out_->close();
  }

  void send(std::span<const std::byte> message) override { out_->push({message.begin(), message.end()}); }
  std::optional<Message> try_receive() override { return in_->try_pop(); }
  Message receive() override { return in_->pop(); }

 private:
  std::shared_ptr<Queue> in_;
  std::shared_ptr<Queue> out_;
};

}  // namespace

std::pair<std::unique_ptr<Channel>, std::unique_ptr<Channel>> make_thread_channel() {
  const auto there = std::make_shared<Queue>();
  const auto back = std::make_shared<Queue>();
  return {std::make_unique<ThreadChannel>(back, there), std::make_unique<ThreadChannel>(there, back)};
}

}  // namespace pare::framework
