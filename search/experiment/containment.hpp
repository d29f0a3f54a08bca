// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/config/config_view.hpp"

namespace pare::search {

/// Where an evaluation runs. `automatic`: `none` as long as workers compute on CPUs.
enum class Isolation {
  automatic,
  none,    ///< in a thread of its rank
  process  ///< in a child process of its rank: what crashes or hangs costs one task
};

/// The key `cluster` of an experiment: what ranks are to each other, and how a run copes with processes and hosts that
/// fail. None of it changes a result.
/// Times are in seconds.
struct ContainmentSettings {
  Isolation isolation = Isolation::automatic;
  int ranks_per_worker = 1;               ///< ranks with consecutive numbers among which the model's stages are split
  bool recovery = true;                   ///< mpirun lets the other ranks go on when one is lost
  double heartbeat_seconds = 5;           ///< a worker says that often that it is alive
  double suspect_seconds = 15;            ///< a worker silent for so long gets no new tasks
  double dead_seconds = 60;               ///< a worker silent for so long is lost, its tasks go to others
  double silence_seconds = 120;           ///< a worker that hears nothing from the coordinator for so long ends
  double coordinator_seconds = 60;        ///< the coordinator ends when its loop stands still for so long
  double shortest_deadline_seconds = 60;  ///< no evaluator is killed before
  double lease_seconds = 3600;            ///< every evaluator is killed after (with isolation: process)
  double ready_seconds = 180;             ///< the supervisor restarts a run that is not ready by then
  double progress_seconds = 600;          ///< the supervisor restarts a run to which no task comes back for so long
  int restarts = 3;                       ///< without a new result in between; then the supervisor gives up
  std::vector<double> backoff_seconds = {5, 30, 120};  ///< before the first, second, ... restart; the last repeats

  bool isolates() const { return isolation == Isolation::process; }
};

/// Throws InputError with the place of what is wrong.
ContainmentSettings read_containment(const framework::ConfigView& view);

}  // namespace pare::search
