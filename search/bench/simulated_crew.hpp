// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "framework/comm/channel.hpp"
#include "search/coordination/clock.hpp"
#include "search/coordination/protocol.hpp"

namespace pare::search {

/// Workers without threads and without a model, for tests and benchmarks of the coordinator: each answers its tasks one
/// after the other, when its time has come. In simulated time hours pass in an instant and every run is the same; in
/// real time a thousand workers load one coordinator.
class SimulatedCrew {
 public:
  /// What a worker does with its `nth` task (from 0).
  struct Action {
    enum class Kind : std::uint8_t { answer, die, hang, fall_silent } kind = Kind::answer;
    double seconds = 0;  ///< until then
    Outcome outcome = Ready{};
  };
  using Script = std::function<Action(std::size_t worker, std::int64_t nth, const Task& task)>;

  enum class Time : std::uint8_t { simulated, real };
  /// `hello`: what worker w says first; nothing: it says nothing.
  SimulatedCrew(std::size_t workers, Script script, Time time = Time::simulated,
                const std::function<std::optional<Hello>(std::size_t worker)>& hello = {});
  ~SimulatedCrew();

  std::vector<std::unique_ptr<framework::Channel>> take_channels();
  /// The time the workers live by; must not outlive the crew.
  Clock clock();
  double seconds() const;
  /// From now on each worker says Alive that often, unless it is dead or silent.
  void beat_every(double seconds);

  /// What a worker got: tasks, Stop not counted.
  std::int64_t tasks(std::size_t worker) const;
  bool stopped(std::size_t worker) const;

 private:
  struct Shared;
  struct Worker;
  class Line;

  std::shared_ptr<Shared> shared_;
};

/// The losses of a made-up model: a number that depends on the recipe, the set and the window alone.
Evaluated made_up_losses(const Evaluate& lease);

}  // namespace pare::search
