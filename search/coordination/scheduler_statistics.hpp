// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "search/coordination/duration_histogram.hpp"
#include "search/store/crew_facts.hpp"

namespace pare::search {

enum class WorkerState : std::uint8_t {
  working = 0,      ///< or waiting for work
  suspect = 1,      ///< silent for some time; gets no new tasks
  late = 2,         ///< at a task for longer than it should take; gets no new tasks
  lost = 3,         ///< gone; nothing is sent to it any more
  quarantined = 4,  ///< was told to stop, because its answers cannot be trusted
};

/// What one worker did since the scheduler was made. Nothing of it is ever decided on.
struct WorkerStatistics {
  std::size_t number = 0;  ///< under mpirun the rank
  std::string host;        ///< empty until the worker said who it is
  std::int64_t pid = 0;
  WorkerState state = WorkerState::working;
  std::int64_t tasks = 0;     ///< answered, failures counted
  std::int64_t failures = 0;  ///< answered with a failure
  double busy_seconds = 0;    ///< at tasks, by the worker's own clock
  DurationHistogram latency;  ///< from sending a task to its answer, seconds
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
};

struct SchedulerStatistics {
  std::vector<WorkerStatistics> workers;
  double seconds = 0;            ///< since the scheduler was made
  std::int64_t retries = 0;      ///< tasks handed out again after a failure
  std::int64_t lost_leases = 0;  ///< tasks handed out again because their worker was lost or quarantined
  std::int64_t late_leases = 0;  ///< tasks handed out again because they were late
  std::int64_t duplicates = 0;   ///< second answers, equal to the first
  std::int64_t poisoned = 0;     ///< recipes that no worker could evaluate
  std::int64_t golden_checks = 0;
};

/// The same for people and run files.
CrewFacts crew_facts(const SchedulerStatistics& statistics);

}  // namespace pare::search
