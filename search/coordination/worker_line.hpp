// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "framework/comm/channel.hpp"
#include "search/coordination/lease.hpp"
#include "search/coordination/scheduler_statistics.hpp"

namespace pare::search {

/// One worker as the coordinator sees it: the line to it, the tasks it holds in the order in which it will answer them,
/// and what is known of its health. Used by the scheduler alone, in its thread.
class WorkerLine {
 public:
  struct Attempt {
    std::uint64_t number;
    LeasePointer lease;
    double sent;
  };

  WorkerLine(std::size_t number, std::unique_ptr<framework::Channel> channel, double now);

  std::size_t number() const { return statistics_.number; }
  /// "worker 3 (node7, pid 4711)"
  std::string name() const;
  /// Its line is open; else nothing is sent to it any more.
  bool usable() const { return channel_ != nullptr && !retired(); }
  /// Its line is open, but nothing that comes from it counts any more.
  bool retired() const {
    return channel_ != nullptr &&
           (statistics_.state == WorkerState::quarantined || statistics_.state == WorkerState::lost);
  }
  bool takes_tasks() const { return statistics_.state == WorkerState::working; }

  /// Throws what the channel throws.
  void send(std::uint64_t number, const LeasePointer& lease, double now);
  /// Tells the worker that it was heard. Throws what the channel throws.
  void echo();
  /// The next message that is here, Alive and Hello too. Throws what the channel throws, InputError for what is no
  /// reply.
  std::optional<Reply> receive(double now);
  /// Takes the task with this number off the queue; nothing when the worker was never given it.
  std::optional<Attempt> take_attempt(const Reply& reply, double now);
  std::deque<Attempt> take_queue();
  /// Lets time pass that does not count, because nobody listened.
  void forgive(double seconds);

  /// Gets no more tasks, but stays until the end: the launcher might take a rank that leaves early for a fault.
  void retire(WorkerState why) { statistics_.state = why; }
  /// Keeps a retired worker from giving the coordinator up.
  void attend_retired(double now);
  /// Ends the line. `farewell`: a worker that lives is told to stop.
  void close(WorkerState why, std::optional<Stop> farewell);
  /// Ends the line to a worker that went silent. Whatever MPI has under way with it stays under way for ever.
  void abandon();

  const std::deque<Attempt>& queue() const { return queue_; }
  /// Since when the front of the queue is the front.
  double front_since() const { return front_since_; }
  double last_heard() const { return last_heard_; }

  std::optional<Hello> hello;
  bool sends_heartbeats = false;
  double speed = 0;                 ///< evaluations, cost a second, moving average; 0: unknown
  std::set<std::uint64_t> strikes;  ///< families of leases that failed here since the last success
  WorkerStatistics& statistics() { return statistics_; }
  const WorkerStatistics& statistics() const { return statistics_; }

 private:
  std::unique_ptr<framework::Channel> channel_;
  WorkerStatistics statistics_;
  std::deque<Attempt> queue_;
  double front_since_;
  double last_heard_;
};

}  // namespace pare::search
