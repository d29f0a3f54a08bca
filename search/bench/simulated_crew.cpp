// SPDX-License-Identifier: Apache-2.0
#include "search/bench/simulated_crew.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <limits>
#include <stdexcept>
#include <thread>
#include <utility>

#include "kernels/core/philox.hpp"

namespace pare::search {
namespace {

double real_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr double never = std::numeric_limits<double>::infinity();

}  // namespace

struct SimulatedCrew::Worker {
  struct Event {
    double time;
    std::vector<std::byte> message;
  };
  std::deque<Event> answers;  ///< ascending times
  double busy_until = 0;
  double dies = never;
  double silent_from = never;  ///< no more answers and signs of life
  double next_beat = never;
  std::int64_t tasks = 0;
  bool stopped = false;
};

struct SimulatedCrew::Shared {
  Script script;
  Time time;
  double simulated = 0;
  double beat = never;
  std::vector<Worker> workers;

  double now() const { return time == Time::real ? real_seconds() : simulated; }

  void sleep(double seconds) {
    if (time == Time::real) return std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    // To the next event, but never so far that a deadline is passed unnoticed.
    constexpr double longest_step = 0.5;
    double next = simulated + std::max(seconds, longest_step);
    const auto consider = [&](double event) {
      if (event > simulated) next = std::min(next, event);
    };
    for (const Worker& worker : workers) {
      if (!worker.answers.empty()) consider(worker.answers.front().time);
      consider(worker.next_beat);
      consider(worker.dies);
    }
    simulated = next;
  }
};

class SimulatedCrew::Line final : public framework::Channel {
 public:
  Line(std::shared_ptr<Shared> shared, std::size_t worker) : shared_(std::move(shared)), number_(worker) {}

  void send(std::span<const std::byte> message) override {
    check_alive();
    const NumberedTask task = decode_task(message);
    Worker& worker = self();
    if (std::holds_alternative<Echo>(task.task)) return;
    if (std::holds_alternative<Stop>(task.task)) {
      worker.stopped = true;
      return;
    }
    Action action = shared_->script(number_, worker.tasks++, task.task);
    worker.busy_until = std::max(worker.busy_until, shared_->now()) + action.seconds;
    switch (action.kind) {
      case Action::Kind::answer:
        if (worker.busy_until < worker.silent_from) {
          Reply reply{task.number, action.seconds, std::move(action.outcome)};
          worker.answers.push_back({worker.busy_until, encode(reply)});
        }
        break;
      case Action::Kind::die:
        worker.dies = std::min(worker.dies, worker.busy_until);
        break;
      case Action::Kind::hang:
        worker.busy_until = never;
        break;
      case Action::Kind::fall_silent:
        worker.silent_from = std::min(worker.silent_from, worker.busy_until);
        break;
    }
  }

  std::optional<std::vector<std::byte>> try_receive() override {
    Worker& worker = self();
    const double now = shared_->now();
    if (!worker.answers.empty() && worker.answers.front().time <= std::min(now, worker.dies)) {
      auto message = std::move(worker.answers.front().message);
      worker.answers.pop_front();
      return message;
    }
    check_alive();
    if (now >= worker.silent_from) worker.next_beat = never;
    if (now < worker.next_beat) return std::nullopt;
    worker.next_beat = now + shared_->beat;
    return encode(Reply{0, 0, Alive{}});
  }

  std::vector<std::byte> receive() override { throw std::logic_error("the coordinator never waits for one worker"); }

 private:
  Worker& self() const { return shared_->workers[number_]; }

  void check_alive() {
    Worker& worker = self();
    if (shared_->now() < worker.dies) return;
    worker.next_beat = never;
    worker.answers.clear();
    throw std::runtime_error("the other end of the line is gone");
  }

  std::shared_ptr<Shared> shared_;
  std::size_t number_;
};

SimulatedCrew::SimulatedCrew(std::size_t workers, Script script, Time time,
                             const std::function<std::optional<Hello>(std::size_t worker)>& hello)
    : shared_(std::make_shared<Shared>()) {
  shared_->script = std::move(script);
  shared_->time = time;
  shared_->workers.resize(workers);
  for (std::size_t w = 0; hello && w < workers; ++w) {
    if (auto words = hello(w)) shared_->workers[w].answers.push_back({0, encode(Reply{0, 0, std::move(*words)})});
  }
}

SimulatedCrew::~SimulatedCrew() = default;

std::vector<std::unique_ptr<framework::Channel>> SimulatedCrew::take_channels() {
  std::vector<std::unique_ptr<framework::Channel>> channels;
  for (std::size_t w = 0; w < shared_->workers.size(); ++w) channels.push_back(std::make_unique<Line>(shared_, w));
  return channels;
}

Clock SimulatedCrew::clock() {
  return {.seconds = [shared = shared_] { return shared->now(); },
          .sleep = [shared = shared_](double seconds) { shared->sleep(seconds); }};
}

double SimulatedCrew::seconds() const {
  return shared_->now();
}

void SimulatedCrew::beat_every(double seconds) {
  shared_->beat = seconds;
  for (Worker& worker : shared_->workers) worker.next_beat = shared_->now();
}

std::int64_t SimulatedCrew::tasks(std::size_t worker) const {
  return shared_->workers[worker].tasks;
}

bool SimulatedCrew::stopped(std::size_t worker) const {
  return shared_->workers[worker].stopped;
}

Evaluated made_up_losses(const Evaluate& lease) {
  Evaluated result;
  for (const Recipe& recipe : lease.recipes) {
    std::uint64_t key = static_cast<std::uint64_t>(lease.set) + 1;
    for (const std::uint8_t option : recipe) key = key * 1000003 + option;
    for (std::int64_t w = lease.begin; w < lease.begin + lease.count; ++w) {
      result.kl.push_back(kernels::uniform_number(key, static_cast<std::uint64_t>(w), 0));
      result.nll.push_back(2 + kernels::uniform_number(key, static_cast<std::uint64_t>(w), 1));
    }
  }
  result.stage_runs_separate = static_cast<std::int64_t>(result.kl.size());
  result.stage_runs = result.stage_runs_separate;
  return result;
}

}  // namespace pare::search
