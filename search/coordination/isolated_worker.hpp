// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "framework/comm/polled_channel.hpp"
#include "framework/comm/spawner.hpp"
#include "search/coordination/protocol.hpp"
#include "search/coordination/task_deadline.hpp"

namespace pare::search {

/// The number of the Failed reply of a child that cannot start, because of what a user or a file gave.
inline constexpr std::uint64_t refusal_to_start = ~std::uint64_t{0};

/// A worker in a child process, seen from its parent: the channel to it, which outlives the process. When the child dies,
/// whatever the reason, or takes longer over a task than its deadline and is killed for it, the task that it was at is
/// answered Failed (crash, how it ended), and a new child takes over: it gets the tasks again that brought the
/// old one into its state (text, calibration, bank, teacher), their answers are dropped, then the tasks that waited. A
/// child that lost its GPU says so in its answer, and is replaced before it gets the next task.
///
/// A child that dies five times without an answer in between is not replaced again: std::runtime_error, the line is broken. One that
/// refuses to start throws InputError.
/// The destructor ends the child. Used by one thread, the one that uses the spawner.
class IsolatedWorker final : public framework::PolledChannel {
 public:
  /// `introduction`: the first message of every child.
  IsolatedWorker(framework::Spawner& spawner, std::vector<std::byte> introduction, const TaskDeadline& deadline);
  ~IsolatedWorker() override;
  IsolatedWorker(const IsolatedWorker&) = delete;
  IsolatedWorker& operator=(const IsolatedWorker&) = delete;

  void send(std::span<const std::byte> task) override;
  std::optional<std::vector<std::byte>> try_receive() override;

 private:
  using Clock = std::chrono::steady_clock;
  using Message = std::vector<std::byte>;
  struct Pending {
    NumberedTask task;
    Message bytes;
    bool again = false;  ///< a task of the state, whose answer nobody waits for
  };

  void start();
  void hand_over(Pending pending);
  std::optional<Message> listen();
  /// What the child says, as far as it is for the coordinator.
  std::optional<Message> take(Message message);
  void remember(const Pending& done);
  /// The child is dead or to be killed: the answer to the task that it was at, if there was one.
  std::optional<Message> replace(const std::string& why);
  /// Another child, in the state of the last one, with the tasks that wait.
  void start_again(std::deque<Pending> waiting);
  std::optional<Message> enforce_deadline();

  framework::Spawner& spawner_;
  Message introduction_;
  TaskDeadline deadline_;
  framework::Spawner::Child child_;  ///< pid -1: none is running
  std::deque<Pending> pending_;      ///< what the child has been told and not answered, the first is under way
  std::vector<Pending> state_;       ///< what made the child's state, in order
  Clock::time_point front_since_;
  bool broken_ = false;  ///< the child is dead, and all that it said was heard
  int deaths_ = 0;       ///< since the last answer
};

}  // namespace pare::search
