// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "framework/comm/channel.hpp"
#include "search/coordination/protocol.hpp"

namespace pare::search {

/// Deals tasks over workers and collects their outcomes. Runs in the coordinator's thread; it polls, so it needs no
/// thread of its own. Every worker holds up to two tasks, so that it never waits for the next one.
///
/// Outcomes arrive in any order; what the run decides must not depend on it. A failed task ends the call: its text is
/// thrown as InputError (when what a user gave is at fault) or std::runtime_error, once no other task is under way.
class Scheduler {
 public:
  explicit Scheduler(std::vector<std::unique_ptr<framework::Channel>> workers);
  /// Tells every worker to stop.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  std::size_t workers() const { return workers_.size(); }

  /// index: position in `tasks`.
  using OnOutcome = std::function<void(std::size_t index, Outcome& outcome)>;
  /// Runs every task once, on any worker. Throws Drained when a drain was asked for (coordination/drain.hpp), once
  /// what is under way has come back and was handed on.
  void run(std::span<const Task> tasks, const OnOutcome& on_outcome);

  /// Runs tasks[w] on worker w, for as many workers as there are tasks.
  void run_on_each(std::span<const Task> tasks, const OnOutcome& on_outcome);

  /// Runs the task on every worker.
  void run_on_all(const Task& task);

  /// What is called in every round of the polling loops, with the number of tasks that came back in it: for the status
  /// of the run and its watchdog.
  using OnRound = std::function<void(std::size_t)>;
  void set_on_round(OnRound on_round) { on_round_ = std::move(on_round); }

  /// Sum over workers of the seconds they were busy with tasks.
  double busy_seconds() const { return busy_seconds_; }

 private:
  struct Worker {
    std::unique_ptr<framework::Channel> channel;
    std::size_t under_way = 0;
  };

  void end_round(std::size_t collected);
  void send(Worker& worker, std::uint64_t number, const Task& task);
  /// Takes the replies that are there; returns how many.
  std::size_t collect(const std::function<void(Reply&)>& on_reply);

  std::vector<Worker> workers_;
  double busy_seconds_ = 0;
  OnRound on_round_ = [](std::size_t) {};
};

}  // namespace pare::search
