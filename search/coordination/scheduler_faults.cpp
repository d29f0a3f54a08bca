// SPDX-License-Identifier: Apache-2.0
// What the scheduler does when something goes wrong; the rules stand in scheduler.hpp.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/contract.hpp"
#include "search/coordination/scheduler.hpp"

namespace pare::search {
namespace {

constexpr double look_interval = 1e-3;
// Longer than that nobody listened, so that silence means nothing.
constexpr double longest_look_interval = 1;

// Between late and lost: time for the worker's own process to notice, to kill its evaluator and to start another one.
constexpr double shortest_grace = 60;

constexpr std::size_t most_strikes = 3;
constexpr int most_losses = 3;

}  // namespace

void Scheduler::meet_workers() {
  const auto all_met = [&] {
    return std::ranges::all_of(workers_, [](const WorkerLine& worker) { return !worker.usable() || worker.hello; });
  };
  while (!failure_ && !all_met()) {
    if (collect() == 0) setup_.clock.sleep(look_interval);
    if (now() - started_ < setup_.cluster.hello_seconds) continue;
    for (WorkerLine& worker : workers_) {
      if (!worker.usable() || worker.hello) continue;
      const auto reason = fmt::format("it did not say who it is for {:.0f} s", now() - started_);
      try {
        lose(worker, reason, Loss::silent);
      } catch (...) {
        failure_ = std::current_exception();
      }
    }
  }
  if (!failure_) return tell_of_shared_gpus();
  stop_all();
  std::rethrow_exception(failure_);
}

void Scheduler::tell_of_shared_gpus() const {
  std::map<std::string, std::vector<std::size_t>> users;  // by GPU
  for (const WorkerLine& worker : workers_) {
    if (!worker.hello) continue;
    for (const std::string& gpu : worker.hello->gpus) users[gpu].push_back(worker.number());
  }
  for (const auto& [gpu, workers] : users) {
    if (workers.size() < 2) continue;
    const std::set<std::size_t> different(workers.begin(), workers.end());
    const std::string who = different.size() == 1 ? fmt::format("ranks of worker {}", workers.front())
                                                  : fmt::format("workers {}", fmt::join(different, ", "));
    setup_.say(
        fmt::format("warning: {} share one GPU ({}), which makes them slower than one: start a rank a GPU", who, gpu));
  }
}

void Scheduler::check_hello(WorkerLine& worker, const Hello& hello) {
  worker.hello = hello;
  worker.statistics().host = hello.host;
  worker.statistics().pid = hello.pid;
  if (!setup_.self) return;
  const Hello& self = *setup_.self;
  VALIDATE(hello.isa == self.isa, worker.name(), " computes with ", hello.isa, ", the coordinator on ", self.host,
           " with ", self.isa, ", which gives other losses: use hosts of one kind, or limit all of them by ",
           "ONEDNN_MAX_CPU_ISA");
  VALIDATE(hello.build == self.build, worker.name(), " runs another pare (", hello.build, ") than the coordinator on ",
           self.host, " (", self.build, "): start all ranks from one installation");
  VALIDATE(hello.model == self.model, worker.name(), " reads another model (hash ", hello.model,
           ") than the coordinator on ", self.host, " (hash ", self.model, "): give all hosts the same files");
}

void Scheduler::look_after_workers() {
  const double time = now();
  const double gap = time - looked_;
  if (gap < look_interval) return;
  looked_ = time;
  measure();
  for (WorkerLine& worker : workers_) {
    if (gap > longest_look_interval) worker.forgive(gap);
    if (worker.usable()) look_after(worker, time);
  }
}

void Scheduler::look_after(WorkerLine& worker, double time) {
  const double silence = time - worker.last_heard();
  if (worker.sends_heartbeats && silence > setup_.cluster.dead_seconds)
    return lose(worker, fmt::format("it has been silent for {:.0f} s", silence), Loss::silent);
  WorkerState& state = worker.statistics().state;
  if (worker.sends_heartbeats && silence > setup_.cluster.suspect_seconds && state == WorkerState::working)
    state = WorkerState::suspect;
  if (worker.queue().empty()) return;
  const LeasePointer front = worker.queue().front().lease;
  const double limit = deadline(*front);
  const double at_work = time - worker.front_since();
  if (at_work > limit + std::max(limit, shortest_grace)) {
    const auto reason = fmt::format("it has been at one task for {:.0f} s, {:.0f} s are the limit", at_work, limit);
    lose(worker, reason, Loss::broken);
    if (!front->golden && !front->only_for) blame(front, worker.number(), worker.name() + ": " + reason);
  } else if (at_work > limit && state != WorkerState::late) {
    state = WorkerState::late;
    setup_.say(
        fmt::format("{} has been at one task for {:.0f} s; whoever is idle gets it, too", worker.name(), at_work));
    for (const auto& attempt : worker.queue()) {
      if (!attempt.lease->closed && !attempt.lease->golden && !attempt.lease->only_for) late_.push_back(attempt.lease);
    }
  }
}

void Scheduler::failed(WorkerLine& worker, const LeasePointer& lease, const Failed& failure) {
  breaker_.add(true);
  if (failure.kind == FailureKind::input) throw InputError(failure.text);
  const std::string text = worker.name() + ": " + failure.text;
  if (breaker_.tripped()) {
    throw TooManyFailures(fmt::format("more than {} of the last {} tasks failed, the last one on {}",
                                      FailureBreaker::most_failures, FailureBreaker::window, text));
  }
  if (lease->only_for) {
    close(lease);
    if (!lease->dispensable) throw std::runtime_error(text);
    return quarantine(worker, failure.text);
  }
  worker.strikes.insert(lease->family);
  blame(lease, worker.number(), text);
  if (worker.strikes.size() >= most_strikes && workers() > 1) {
    quarantine(worker, fmt::format("{} tasks in a row failed on it, the last one: {}", most_strikes, failure.text));
  }
}

/// Decides what becomes of a lease that failed on a worker.
void Scheduler::blame(const LeasePointer& lease, std::size_t worker, const std::string& text) {
  if (failure_ || lease->closed) return;
  setup_.say("a task failed on " + text);
  if (!lease->dispute) {
    const std::vector<LeasePointer> parts = source_->split(*lease);
    if (!parts.empty()) {
      close(lease);
      open_ += parts.size();
      totals_.retries += static_cast<std::int64_t>(parts.size());
      for (const LeasePointer& part : parts) wait_again(part);
      return;
    }
  }
  lease->failures.push_back({worker, text});
  std::set<std::size_t> failed_on;
  for (const Lease::Failure& failure : lease->failures) failed_on.insert(failure.worker);
  const bool can_go_elsewhere =
      std::ranges::any_of(usable(), [&](std::size_t other) { return !failed_on.contains(other); });
  if (failed_on.size() >= 2 || (lease->failures.size() >= 2 && !can_go_elsewhere)) {
    for (WorkerLine& each : workers_) each.strikes.erase(lease->family);
    std::string why = lease->failures.front().text;
    if (lease->failures.back().text != why) why += "; then on " + lease->failures.back().text;
    give_up(lease, why);
  } else {
    ++totals_.retries;
    wait_again(lease);
  }
}

void Scheduler::give_up(const LeasePointer& lease, const std::string& why) {
  close(lease);
  if (lease->dispute) throw InternalError("two workers gave different losses, and a third one failed: " + why);
  if (std::holds_alternative<Evaluate>(lease->task)) ++totals_.poisoned;
  source_->give_up(*lease, why);
}

void Scheduler::lose(WorkerLine& worker, const std::string& reason, Loss loss) {
  if (!worker.usable()) return;
  setup_.say(fmt::format("warning: {} is lost: {}", worker.name(), reason));
  switch (loss) {
    case Loss::silent:
      worker.abandon();
      break;
    case Loss::broken:
      worker.close(WorkerState::lost, std::nullopt);
      break;
    case Loss::part:
      worker.retire(WorkerState::lost);
      break;
  }
  setup_.on_lost(worker.number());
  take_over(worker, true);
  if (loss == Loss::part && workers() == 0)
    throw NobodyLeft(fmt::format("no worker is left; the last was {}: {}", worker.name(), reason));
  expect_somebody(worker, reason);
}

void Scheduler::quarantine(WorkerLine& worker, const std::string& reason) {
  if (!worker.usable()) return;
  setup_.say(fmt::format("warning: {} gets no more work: {}", worker.name(), reason));
  worker.retire(WorkerState::quarantined);
  take_over(worker, false);
  expect_somebody(worker, reason);
}

void Scheduler::expect_somebody(const WorkerLine& last, const std::string& reason) const {
  if (workers() == 0) {
    throw TooManyFailures(fmt::format("no worker is left; the last was {}: {}", last.name(), reason));
  }
}

/// Gives the tasks of a worker that is out to others. `lost`: while it was at the first of them.
void Scheduler::take_over(WorkerLine& worker, bool lost) {
  bool missing = source_ != nullptr && source_->worker_is_out(worker.number());
  bool first = true;
  for (const auto& attempt : worker.take_queue()) {
    const LeasePointer& lease = attempt.lease;
    const bool was_at_work = lost && std::exchange(first, false);
    if (lease->closed || lease->golden) continue;
    if (lease->only_for) {
      close(lease);
      missing = missing || !lease->dispensable;
      continue;
    }
    if (was_at_work) ++lease->losses;
    if (lease->under_way > 0 || failure_) continue;
    ++totals_.lost_leases;
    const bool evaluation = std::holds_alternative<Evaluate>(lease->task) && !lease->dispute;
    if (evaluation && lease->losses == most_losses - 1) {
      const std::vector<LeasePointer> parts = source_->split(*lease);
      for (const LeasePointer& part : parts) {
        part->losses = 1;
        wait_again(part);
      }
      open_ += parts.size();
      if (!parts.empty()) {
        close(lease);
        continue;
      }
    }
    if (evaluation && lease->losses >= most_losses) {
      give_up(lease, fmt::format("{} workers were lost while they evaluated it", most_losses));
    } else {
      wait_again(lease);
    }
  }
  if (missing) throw WorkerLost(worker.name() + " is out in the middle of its tasks");
}

void Scheduler::check_golden(Evaluate task) {
  golden_.emplace(std::move(task), workers_.size(), setup_.cluster.golden_seconds);
  const std::vector<std::size_t> numbers = usable();
  for (const std::size_t number : numbers) golden_->sent(number, now());
  const std::vector<Task> tasks(numbers.size(), golden_->task());
  const OnOutcome keep = [&](std::size_t index, Outcome& outcome) {
    ++totals_.golden_checks;
    golden_->answer(numbers[index], std::get<Evaluated>(outcome));
  };
  TaskList list(tasks, &numbers, keep, true);
  work(list, false);
  const auto odd = golden_->odd_ones(usable());
  if (!odd) {
    std::string names;
    for (const std::size_t number : usable()) names += (names.empty() ? "" : ", ") + workers_[number].name();
    throw InternalError(
        "the workers give different losses for the same recipe, and none of the losses has a majority: " + names +
        "; a device is faulty, or the hosts differ");
  }
  for (const std::size_t number : *odd) {
    quarantine(workers_[number], "it gives other losses than most workers for the same recipe");
  }
}

void Scheduler::golden_answered(WorkerLine& worker, Outcome& outcome) {
  ++totals_.golden_checks;
  if (const auto* failure = std::get_if<Failed>(&outcome))
    return quarantine(worker, "it failed at the golden check: " + failure->text);
  if (!answers(golden_->task(), outcome)) return quarantine(worker, "its answer to the golden check does not fit");
  golden_->answer(worker.number(), std::move(std::get<Evaluated>(outcome)));
  if (golden_->differs(worker.number())) {
    quarantine(worker,
               fmt::format("it gives other losses than before for the same recipe; what it evaluated in the last "
                           "{:.0f} s is in doubt",
                           setup_.cluster.golden_seconds));
  }
}

void Scheduler::compare(const LeasePointer& lease, std::size_t worker, const Evaluated& values) {
  if (same_answer(lease->answer->values, values)) {
    ++totals_.duplicates;
    return;
  }
  auto third = std::make_shared<Lease>();
  third->task = lease->task;
  third->cost = lease->cost;
  third->family = next_family_++;
  third->dispute = Lease::Dispute{*lease->answer, {worker, values}};
  const std::string names = workers_[lease->answer->worker].name() + " and " + workers_[worker].name();
  if (std::ranges::none_of(workers_, [&](const WorkerLine& other) { return other.usable() && allowed(*third, other); }))
    throw InternalError(names + " gave different losses for the same recipe, and there is no third one to decide");
  setup_.say("warning: " + names + " gave different losses for the same recipe; a third worker decides");
  ++open_;
  wait_again(third);
}

/// A third worker has spoken.
void Scheduler::decide(const Lease& lease, const Evaluated& values) {
  const auto& [used, other] = *lease.dispute;
  const std::string reason = "it gave other losses than two workers for the same recipe";
  if (same_answer(values, used.values)) return quarantine(workers_[other.worker], reason);
  throw InternalError(workers_[used.worker].name() + " gave losses that are in use and that " +
                      (same_answer(values, other.values) ? "two other workers do not confirm" : "nobody confirms") +
                      ": this run cannot be trusted, start it again without that host in another --output directory");
}

}  // namespace pare::search
