// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "framework/comm/channel.hpp"
#include "framework/comm/watchdog.hpp"
#include "search/coordination/clock.hpp"
#include "search/coordination/cluster_settings.hpp"
#include "search/coordination/failure_breaker.hpp"
#include "search/coordination/golden_check.hpp"
#include "search/coordination/scheduler_statistics.hpp"
#include "search/coordination/work_source.hpp"
#include "search/coordination/worker_line.hpp"

namespace pare::search {

/// A worker was lost in the middle of tasks that only it could do.
class WorkerLost : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The machine failed to the point that nobody is left to work. Exit code 75: the same command continues.
class NobodyLeft : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SchedulerSetup {
  ClusterSettings cluster;
  /// What the coordinator itself would say: workers that differ are refused. Nothing: workers need not say who they are.
  std::optional<Hello> self;
  /// Where a line for people goes: a worker lost, a worker quarantined, a recipe poisoned.
  std::function<void(const std::string& line)> say = [](const std::string&) {};
  Clock clock;
  /// Ends the process (code 75) when the scheduler's loop stands still; must outlive the scheduler. Null: nobody does.
  framework::Watchdog* watchdog = nullptr;
  /// A worker is gone, not only out.
  std::function<void(std::size_t worker)> on_lost = [](std::size_t) {};
};

/// Deals tasks over workers and collects their outcomes. Runs in the coordinator's thread; it polls, so it needs no
/// thread of its own. Every worker holds two tasks, more if they are tiny, so that it never waits for the next one.
///
/// Outcomes arrive in any order, and who computed what is left to chance; what the run decides must not depend on it.
///
/// When something goes wrong:
///   a task failed for what a user gave   the call ends with InputError
///   it failed otherwise                  once more on another worker; a lease of several recipes first in its parts.
///                                        Failed on two workers (or twice on the only one): its recipe is poisoned,
///                                        any other task ends the call with std::runtime_error
///   a worker breaks off or falls silent  its tasks go to others, which is not held against them; only a recipe that was
///                                        at work on three workers when they were lost is poisoned
///                                        (a worker of several processes that has lost one says so, and likewise)
///   a task is late                       an idle worker gets it, too; the first answer counts, an equal second one is
///                                        dropped. Much later the worker is given up as lost
///   a second answer has other bits       a third worker decides; who is wrong is quarantined. Throws InternalError when
///                                        the wrong answer is in use already, or nobody is left to decide
///   a worker fails three tasks in a row that others can do, or differs at the golden check: quarantined
///   more than a fifth of the last 50 tasks failed, or nobody is left: TooManyFailures
/// After an exception no task is under way any more, and the scheduler can be used again.
class Scheduler {
 public:
  /// Waits until every worker has said who it is. Throws InputError for one that is of another build, instruction set or
  /// model, TooManyFailures when no worker answers.
  explicit Scheduler(std::vector<std::unique_ptr<framework::Channel>> workers, SchedulerSetup setup = {});
  /// Tells every worker to stop.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// How many can be given tasks.
  std::size_t workers() const { return usable().size(); }

  using OnOutcome = TaskList::OnOutcome;
  /// Runs every task once, on any worker. Throws Drained when a drain was asked for (coordination/drain.hpp), once what
  /// is under way has come back and was handed on; so does evaluate().
  void run(std::span<const Task> tasks, const OnOutcome& on_outcome);
  /// Runs task i on the i-th worker, for as many workers as there are tasks. Throws WorkerLost.
  void run_on_each(std::span<const Task> tasks, const OnOutcome& on_outcome);
  /// Runs the task on every worker; who is lost or fails meanwhile is out.
  void run_on_all(const Task& task);

  /// Evaluates recipes on windows, cut into leases by what workers have shown to be able to do, so that they finish
  /// together. `on_evaluated` gets each lease and its result; a recipe that cannot be evaluated comes to `on_poisoned`
  /// once, and may have been evaluated on some of its windows.
  void evaluate(const SearchSpace& space, const LeaseSettings& settings, std::vector<Evaluate> work,
                const EvaluationWork::OnEvaluated& on_evaluated, const EvaluationWork::OnPoisoned& on_poisoned);

  /// From now on every worker evaluates `task` now and then, and is out when its answer differs. Returns when all
  /// have answered for the first time. Throws InternalError when there are several answers and no majority.
  void check_golden(Evaluate task);

  /// Tells workers that say they live that somebody listens. They give up on a silent coordinator, so it is called again
  /// and again by whoever is at something else than a call of the scheduler.
  void attend();
  /// Runs `work` in a thread of its own and attends meanwhile; throws what it throws.
  void attend_while(const std::function<void()>& work);

  /// What is called in every round of the polling loop, with the number of tasks that came back in it: for the status
  /// of the run and its watchdog.
  using OnRound = std::function<void(std::size_t)>;
  void set_on_round(OnRound on_round) { on_round_ = std::move(on_round); }

  SchedulerStatistics statistics() const;
  /// Sum over workers of the seconds they were busy with tasks.
  double busy_seconds() const;

 private:
  std::vector<std::size_t> usable() const;
  void stop_all();
  void meet_workers();
  void check_hello(WorkerLine& worker, const Hello& hello);
  void tell_of_shared_gpus() const;

  /// `may_drain`: a drain leaves undone what was not handed out yet.
  void work(WorkSource& source, bool may_drain);
  bool is_done(bool draining) const;
  void measure();
  void look_after(WorkerLine& worker, double now);
  void look_after_workers();
  void hand_out();
  LeasePointer next_lease(WorkerLine& worker);
  LeasePointer next_waiting(const WorkerLine& worker);
  LeasePointer next_late(const WorkerLine& worker);
  double wanted_cost(const WorkerLine& worker) const;
  std::size_t depth(const WorkerLine& worker) const;
  bool allowed(const Lease& lease, const WorkerLine& worker) const;
  std::size_t collect();
  void listen(WorkerLine& worker, std::size_t& answers);
  void take(WorkerLine& worker, Reply& reply);
  void answered(WorkerLine& worker, const LeasePointer& lease, Reply& reply);
  void succeeded(WorkerLine& worker, const LeasePointer& lease, Reply& reply);
  void failed(WorkerLine& worker, const LeasePointer& lease, const Failed& failure);
  void blame(const LeasePointer& lease, std::size_t worker, const std::string& text);
  void golden_answered(WorkerLine& worker, Outcome& outcome);
  void compare(const LeasePointer& lease, std::size_t worker, const Evaluated& values);
  void decide(const Lease& lease, const Evaluated& values);
  enum class Loss {
    silent,  ///< nothing comes any more
    broken,  ///< its line says so
    part     ///< a part of it is gone, and the rest, which says so, waits for the end
  };
  void lose(WorkerLine& worker, const std::string& reason, Loss loss);
  void quarantine(WorkerLine& worker, const std::string& reason);
  void take_over(WorkerLine& worker, bool lost);
  void expect_somebody(const WorkerLine& last, const std::string& reason) const;
  void give_up(const LeasePointer& lease, const std::string& why);
  void wait_again(const LeasePointer& lease);
  void close(const LeasePointer& lease);
  double deadline(const Lease& lease) const;
  double expected_seconds(const Lease& lease) const;
  bool anything_under_way() const;
  double now() const { return setup_.clock.seconds(); }
  void abandon_work();
  template <class Action>
  void guarded(const Action& action);

  SchedulerSetup setup_;
  OnRound on_round_ = [](std::size_t) {};
  std::vector<WorkerLine> workers_;
  std::uint64_t next_number_ = 1;
  std::uint64_t next_family_ = 1;
  FailureBreaker breaker_;
  std::optional<GoldenCheck> golden_;
  std::array<DurationHistogram, std::variant_size_v<Task>> durations_;  ///< seconds a unit of cost, by kind of task
  SchedulerStatistics totals_;                                          ///< all but the workers
  std::array<double, std::variant_size_v<Task>> typical_{};             ///< their medians, 0 while unknown
  double speed_ = 0;                                                    ///< of all workers that take tasks
  double mean_speed_ = 1;                                               ///< of those whose speed is known
  double started_ = 0;
  double looked_ = 0;

  // Of the call under way.
  WorkSource* source_ = nullptr;
  std::size_t open_ = 0;              ///< leases that are handed out or waiting, and not closed
  std::deque<LeasePointer> waiting_;  ///< to be handed out again
  std::vector<LeasePointer> late_;    ///< with a worker that takes too long, wanted from another one
  std::exception_ptr failure_;
};

}  // namespace pare::search
