// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/scheduler.hpp"

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <thread>

#include "kernels/core/contract.hpp"
#include "search/coordination/drain.hpp"

namespace pare::search {
namespace {

constexpr std::size_t tasks_per_worker = 2;
constexpr auto idle_pause = std::chrono::microseconds(200);

[[noreturn]] void throw_failure(const Failed& failed) {
  if (failed.kind == FailureKind::input) throw InputError(failed.text);
  throw std::runtime_error(failed.text);
}

/// Hands an outcome on. The first failure, the worker's or that of on_outcome, is kept; what comes after it is dropped.
void take(Reply& reply, const Scheduler::OnOutcome& on_outcome, std::exception_ptr& failure) {
  if (failure) return;
  try {
    if (const auto* failed = std::get_if<Failed>(&reply.outcome)) throw_failure(*failed);
    on_outcome(static_cast<std::size_t>(reply.number), reply.outcome);
  } catch (...) {
    failure = std::current_exception();
  }
}

}  // namespace

Scheduler::Scheduler(std::vector<std::unique_ptr<framework::Channel>> workers) {
  EXPECT(!workers.empty());
  for (auto& channel : workers) workers_.push_back({.channel = std::move(channel), .under_way = 0});
}

Scheduler::~Scheduler() {
  for (Worker& worker : workers_) {
    try {
      worker.channel->send(encode(NumberedTask{0, Stop{}}));
    } catch (const std::exception&) {
      // The line is broken, so there is nobody left to stop.
    }
  }
}

void Scheduler::send(Worker& worker, std::uint64_t number, const Task& task) {
  worker.channel->send(encode(NumberedTask{number, task}));
  ++worker.under_way;
}

std::size_t Scheduler::collect(const std::function<void(Reply&)>& on_reply) {
  std::size_t collected = 0;
  for (Worker& worker : workers_) {
    // Idle workers, too, say that they are alive and wait for the echo.
    while (const auto message = worker.channel->try_receive()) {
      Reply reply = decode_reply(*message);
      if (std::holds_alternative<Alive>(reply.outcome)) worker.channel->send(encode(NumberedTask{0, Echo{}}));
      if (std::holds_alternative<Alive>(reply.outcome) || std::holds_alternative<Hello>(reply.outcome)) continue;
      --worker.under_way;
      busy_seconds_ += reply.seconds;
      ++collected;
      on_reply(reply);
    }
  }
  return collected;
}

void Scheduler::run(std::span<const Task> tasks, const OnOutcome& on_outcome) {
  // After a failure, a worker's or our own, the tasks under way must come back: a worker in the middle of a long
  // answer hears nothing.
  std::exception_ptr failure;
  std::size_t sent = 0;
  std::size_t done = 0;
  while (done < sent || (sent < tasks.size() && !failure && !drain_requested())) {
    const bool dealing = !failure && !drain_requested();
    for (std::size_t round = 1; round <= tasks_per_worker && dealing; ++round) {
      for (Worker& worker : workers_) {
        if (worker.under_way < round && sent < tasks.size()) {
          send(worker, sent, tasks[sent]);
          ++sent;
        }
      }
    }
    const std::size_t collected = collect([&](Reply& reply) { take(reply, on_outcome, failure); });
    done += collected;
    end_round(collected);
  }
  if (failure) std::rethrow_exception(failure);
  if (done < tasks.size()) throw Drained();
}

void Scheduler::end_round(std::size_t collected) {
  on_round_(collected);
  if (collected == 0) std::this_thread::sleep_for(idle_pause);
}

void Scheduler::run_on_each(std::span<const Task> tasks, const OnOutcome& on_outcome) {
  EXPECT(tasks.size() <= workers_.size());
  std::exception_ptr failure;
  for (std::size_t w = 0; w < tasks.size(); ++w) send(workers_[w], w, tasks[w]);
  std::size_t done = 0;
  while (done < tasks.size()) {
    const std::size_t collected = collect([&](Reply& reply) { take(reply, on_outcome, failure); });
    done += collected;
    end_round(collected);
  }
  if (failure) std::rethrow_exception(failure);
}

void Scheduler::run_on_all(const Task& task) {
  run_on_each(std::vector<Task>(workers_.size(), task), [](std::size_t, Outcome&) {});
}

}  // namespace pare::search
