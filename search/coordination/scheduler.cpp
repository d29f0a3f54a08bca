// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/scheduler.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <future>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/coordination/drain.hpp"
#include "search/coordination/loop_watch.hpp"

namespace pare::search {
namespace {

constexpr double idle_pause = 200e-6;

// A worker holds about as much work as hides the way to the coordinator and back, and never a single task for each of its
// processes.
constexpr double queued_seconds = 2e-3;
constexpr std::size_t shortest_queue = 2;
constexpr std::size_t longest_queue = 256;

// Leases take half of a worker's share of what is left, so that they get smaller towards the end and all workers are
// done together; not so small that the way to the worker counts, not so large that a loss hurts.
constexpr double share_of_the_rest = 0.5;
constexpr double share_while_speed_is_unknown = 0.25;
constexpr double shortest_lease_seconds = 0.02;
constexpr double longest_lease_seconds = 30;

}  // namespace

template <class Action>
void Scheduler::guarded(const Action& action) {
  try {
    action();
  } catch (...) {
    if (!failure_) failure_ = std::current_exception();
  }
}

Scheduler::Scheduler(std::vector<std::unique_ptr<framework::Channel>> workers, SchedulerSetup setup)
    : setup_(std::move(setup)) {
  EXPECT(!workers.empty());
  started_ = looked_ = now();
  for (auto& channel : workers) workers_.emplace_back(workers_.size(), std::move(channel), started_);
  if (setup_.self) meet_workers();
  measure();
}

Scheduler::~Scheduler() {
  stop_all();
}

void Scheduler::stop_all() {
  const bool lost =
      std::ranges::any_of(workers_, [](WorkerLine& worker) { return worker.statistics().state == WorkerState::lost; });
  for (WorkerLine& worker : workers_) worker.close(worker.statistics().state, Stop{lost});
}

std::vector<std::size_t> Scheduler::usable() const {
  std::vector<std::size_t> numbers;
  for (const WorkerLine& worker : workers_)
    if (worker.usable()) numbers.push_back(worker.number());
  return numbers;
}

void Scheduler::run(std::span<const Task> tasks, const OnOutcome& on_outcome) {
  TaskList list(tasks, nullptr, on_outcome);
  work(list, true);
}

void Scheduler::run_on_each(std::span<const Task> tasks, const OnOutcome& on_outcome) {
  const std::vector<std::size_t> numbers = usable();
  EXPECT(tasks.size() <= numbers.size());
  TaskList list(tasks, &numbers, on_outcome);
  work(list, false);
}

void Scheduler::run_on_all(const Task& task) {
  const std::vector<std::size_t> numbers = usable();
  const std::vector<Task> tasks(numbers.size(), task);
  const OnOutcome nothing = [](std::size_t, Outcome&) {};
  TaskList list(tasks, &numbers, nothing, true);
  work(list, false);
}

void Scheduler::evaluate(const SearchSpace& space, const LeaseSettings& settings, std::vector<Evaluate> work_to_do,
                         const EvaluationWork::OnEvaluated& on_evaluated,
                         const EvaluationWork::OnPoisoned& on_poisoned) {
  EvaluationWork evaluations(space, settings, std::move(work_to_do), on_evaluated, on_poisoned);
  work(evaluations, true);
}

void Scheduler::work(WorkSource& source, bool may_drain) {
  EXPECT(source_ == nullptr && open_ == 0);
  source_ = &source;
  failure_ = nullptr;
  bool draining = false;
  LoopWatch watch(setup_.watchdog, setup_.cluster.coordinator_seconds);
  while (!is_done(draining)) {
    watch.beat();
    const std::size_t heard = collect();
    guarded([&] { look_after_workers(); });
    draining = may_drain && drain_requested();
    if (!failure_ && !draining) guarded([&] { hand_out(); });
    on_round_(heard);
    if (heard == 0) setup_.clock.sleep(idle_pause);
  }
  const bool complete = source.empty() && open_ == 0;
  abandon_work();
  source_ = nullptr;
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  if (!complete) throw Drained();
}

void Scheduler::attend() {
  EXPECT(source_ == nullptr);
  failure_ = nullptr;
  collect();
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Scheduler::attend_while(const std::function<void()>& work) {
  constexpr auto pause = std::chrono::duration<double>(idle_pause);
  std::future<void> done = std::async(std::launch::async, work);
  LoopWatch watch(setup_.watchdog, setup_.cluster.coordinator_seconds);
  while (done.wait_for(pause) != std::future_status::ready) {
    watch.beat();
    attend();
    on_round_(0);
  }
  done.get();
}

bool Scheduler::is_done(bool draining) const {
  if (failure_ || draining) return !anything_under_way();
  return source_->empty() && open_ == 0;
}

/// What a call leaves behind when it ends early: answers that may still come mean nothing.
void Scheduler::abandon_work() {
  for (const LeasePointer& lease : waiting_) lease->closed = true;
  for (const WorkerLine& worker : workers_)
    for (const auto& attempt : worker.queue()) attempt.lease->closed = true;
  waiting_.clear();
  late_.clear();
  open_ = 0;
}

bool Scheduler::anything_under_way() const {
  return std::ranges::any_of(workers_, [](const WorkerLine& worker) {
    return worker.usable() && worker.statistics().state != WorkerState::late && !worker.queue().empty();
  });
}

void Scheduler::hand_out() {
  bool handed_out = true;
  for (std::size_t round = 1; round <= longest_queue && handed_out; ++round) {
    handed_out = false;
    for (WorkerLine& worker : workers_) {
      if (!worker.takes_tasks() || worker.queue().size() >= std::min(round, depth(worker))) continue;
      const LeasePointer lease = next_lease(worker);
      if (!lease) continue;
      try {
        worker.send(next_number_++, lease, now());
        handed_out = true;
      } catch (const std::exception& error) {
        lose(worker, error.what(), Loss::broken);
      }
    }
  }
}

std::size_t Scheduler::depth(const WorkerLine& worker) const {
  if (worker.queue().empty()) return 1;
  const double seconds = expected_seconds(*worker.queue().back().lease);
  const auto processes = static_cast<std::size_t>(worker.hello ? std::max(1, worker.hello->processes) : 1);
  const std::size_t shortest = std::min(processes * shortest_queue, longest_queue);
  if (seconds <= 0) return shortest;
  const auto tasks = static_cast<std::size_t>(std::min(queued_seconds / seconds, 1e6));
  return std::clamp(tasks, shortest, longest_queue);
}

LeasePointer Scheduler::next_lease(WorkerLine& worker) {
  if (golden_ && golden_->is_due(worker.number(), now())) {
    golden_->sent(worker.number(), now());
    auto lease = std::make_shared<Lease>();
    lease->task = golden_->task();
    lease->golden = true;
    return lease;
  }
  if (LeasePointer lease = next_waiting(worker)) return lease;
  if (!source_->empty()) {
    if (LeasePointer lease = source_->next(worker.number(), wanted_cost(worker))) {
      lease->family = next_family_++;
      ++open_;
      return lease;
    }
  }
  return worker.queue().empty() ? next_late(worker) : nullptr;
}

LeasePointer Scheduler::next_waiting(const WorkerLine& worker) {
  for (std::size_t i = 0; i < waiting_.size();) {
    const LeasePointer lease = waiting_[i];
    const bool unwanted = lease->closed || (!lease->dispute && !source_->wants(*lease));
    if (!unwanted && !allowed(*lease, worker)) {
      ++i;
      continue;
    }
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    lease->waiting = false;
    if (!unwanted) return lease;
    close(lease);
  }
  return nullptr;
}

LeasePointer Scheduler::next_late(const WorkerLine& worker) {
  std::erase_if(late_, [](const LeasePointer& lease) { return lease->closed; });
  const auto found = std::ranges::find_if(late_, [&](const LeasePointer& lease) { return allowed(*lease, worker); });
  if (found == late_.end()) return nullptr;
  LeasePointer lease = *found;
  late_.erase(found);
  ++totals_.late_leases;
  return lease;
}

/// Who failed at a lease gets it again only when everybody else failed, too.
bool Scheduler::allowed(const Lease& lease, const WorkerLine& worker) const {
  if (lease.only_for) return *lease.only_for == worker.number();
  if (lease.dispute &&
      (lease.dispute->used.worker == worker.number() || lease.dispute->other.worker == worker.number()))
    return false;
  for (const auto& attempt : worker.queue())
    if (attempt.lease.get() == &lease) return false;
  return !lease.failed_on(worker.number()) || std::ranges::all_of(workers_, [&](const WorkerLine& other) {
    return !other.usable() || lease.failed_on(other.number());
  });
}

double Scheduler::wanted_cost(const WorkerLine& worker) const {
  const bool known = worker.speed > 0;
  const double speed = known ? worker.speed : mean_speed_;
  const double cost =
      source_->cost() * speed / std::max(speed, speed_) * (known ? share_of_the_rest : share_while_speed_is_unknown);
  return known ? std::clamp(cost, speed * shortest_lease_seconds, speed * longest_lease_seconds) : cost;
}

/// Takes the messages that are there; returns how many answers to tasks were among them.
std::size_t Scheduler::collect() {
  std::size_t answers = 0;
  for (WorkerLine& worker : workers_) {
    if (worker.retired()) {
      worker.attend_retired(now());
    } else {
      listen(worker, answers);
    }
  }
  return answers;
}

void Scheduler::listen(WorkerLine& worker, std::size_t& answers) {
  while (worker.usable()) {
    std::optional<Reply> reply;
    try {
      reply = worker.receive(now());
    } catch (const InputError& error) {
      // A worker that never came to say who it is cannot start because of what the user gave.
      if (setup_.self && !worker.hello) guarded([&] { throw InputError(worker.name() + ": " + error.what()); });
      return guarded([&] { quarantine(worker, error.what()); });
    } catch (const std::exception& error) {
      return guarded([&] { lose(worker, error.what(), Loss::broken); });
    }
    if (!reply) return;
    const bool is_sign = std::holds_alternative<Alive>(reply->outcome) ||
                         std::holds_alternative<Hello>(reply->outcome) ||
                         std::holds_alternative<MemberLost>(reply->outcome);
    if (!is_sign) ++answers;
    guarded([&] { take(worker, *reply); });
  }
}

void Scheduler::take(WorkerLine& worker, Reply& reply) {
  WorkerState& state = worker.statistics().state;
  if (state == WorkerState::suspect) state = WorkerState::working;
  if (std::holds_alternative<Alive>(reply.outcome)) {
    worker.sends_heartbeats = true;
    try {
      worker.echo();
    } catch (const std::exception& error) {
      lose(worker, error.what(), Loss::broken);
    }
  } else if (const auto* hello = std::get_if<Hello>(&reply.outcome)) {
    check_hello(worker, *hello);
  } else if (const auto* lost = std::get_if<MemberLost>(&reply.outcome)) {
    lose(worker, lost->text, Loss::part);
  } else if (const auto attempt = worker.take_attempt(reply, now())) {
    if (state == WorkerState::late) state = WorkerState::working;
    answered(worker, attempt->lease, reply);
  } else {
    quarantine(worker, "it answered a task that it was not given");
  }
}

void Scheduler::answered(WorkerLine& worker, const LeasePointer& lease, Reply& reply) {
  const auto* failure = std::get_if<Failed>(&reply.outcome);
  if (failure != nullptr) ++worker.statistics().failures;
  const bool fits = failure == nullptr && answers(lease->task, reply.outcome);
  if (lease->golden) {
    golden_answered(worker, reply.outcome);
  } else if (lease->closed) {
    if (lease->answer && fits) compare(lease, worker.number(), std::get<Evaluated>(reply.outcome));
  } else if (!fits) {
    failed(worker, lease,
           failure != nullptr ? *failure : Failed{FailureKind::fault, "its answer does not fit its task"});
  } else if (lease->dispute) {
    close(lease);
    decide(*lease, std::get<Evaluated>(reply.outcome));
  } else {
    succeeded(worker, lease, reply);
  }
}

void Scheduler::succeeded(WorkerLine& worker, const LeasePointer& lease, Reply& reply) {
  breaker_.add(false);
  worker.strikes.clear();
  durations_[lease->task.index()].add(reply.seconds / lease->cost);
  if (const auto* result = std::get_if<Evaluated>(&reply.outcome)) {
    constexpr double weight = 0.3;
    const double speed = lease->cost / std::max(reply.seconds, 1e-6);
    worker.speed = worker.speed == 0 ? speed : (1 - weight) * worker.speed + weight * speed;
    if (lease->under_way > 0) lease->answer = Lease::Answer{worker.number(), *result};
  }
  close(lease);
  if (!failure_) source_->deliver(*lease, reply.outcome);
}

void Scheduler::close(const LeasePointer& lease) {
  if (lease->closed) return;
  lease->closed = true;
  --open_;
}

void Scheduler::wait_again(const LeasePointer& lease) {
  if (lease->waiting) return;
  lease->waiting = true;
  waiting_.push_back(lease);
}

double Scheduler::expected_seconds(const Lease& lease) const {
  return typical_[lease.task.index()] * lease.cost;
}

double Scheduler::deadline(const Lease& lease) const {
  // Other tasks differ too much among themselves: a large layer may take a hundred times as long as a small one.
  constexpr std::int64_t enough = 20;
  const DurationHistogram& durations = durations_[lease.task.index()];
  const double longest = setup_.cluster.lease_seconds;
  if (!std::holds_alternative<Evaluate>(lease.task) || durations.count() < enough) return longest;
  const double late = 5 * durations.quantile(0.95) * lease.cost;
  return std::min(longest, std::max(setup_.cluster.shortest_deadline_seconds, late));
}

void Scheduler::measure() {
  for (std::size_t kind = 0; kind < durations_.size(); ++kind)
    typical_[kind] = durations_[kind].count() > 0 ? durations_[kind].quantile(0.5) : 0;
  double known = 0;
  double sum = 0;
  double takers = 0;
  for (const WorkerLine& worker : workers_) {
    if (!worker.takes_tasks()) continue;
    takers += 1;
    known += worker.speed > 0 ? 1 : 0;
    sum += worker.speed;
  }
  mean_speed_ = known > 0 ? sum / known : 1;
  speed_ = sum + (takers - known) * mean_speed_;
}

SchedulerStatistics Scheduler::statistics() const {
  SchedulerStatistics statistics = totals_;
  statistics.seconds = now() - started_;
  for (const WorkerLine& worker : workers_) statistics.workers.push_back(worker.statistics());
  return statistics;
}

double Scheduler::busy_seconds() const {
  double sum = 0;
  for (const WorkerLine& worker : workers_) sum += worker.statistics().busy_seconds;
  return sum;
}

}  // namespace pare::search
