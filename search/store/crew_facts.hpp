// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pare::search {

/// What a worker has done since this start of the run.
struct WorkerFacts {
  std::string name;               ///< "worker 3 on node7"
  std::string state = "working";  ///< or suspect, late, lost, quarantined
  std::int64_t tasks = 0;
  std::int64_t failures = 0;  ///< tasks that came back as failed
  double busy_seconds = 0;
  double latency_p50_seconds = 0;  ///< of its leases, from sending to the answer
  double latency_p95_seconds = 0;
  std::int64_t bytes_sent = 0;  ///< to the worker
  std::int64_t bytes_received = 0;

  bool operator==(const WorkerFacts&) const = default;
  /// It may still get tasks.
  bool alive() const { return state != "lost" && state != "quarantined"; }
};

/// What all workers have done since this start of the run. For people: nothing is decided by it.
struct CrewFacts {
  std::vector<WorkerFacts> workers;  ///< none before the first task of the search
  double seconds = 0;                ///< since there are workers
  std::int64_t retries = 0;          ///< tasks handed out again after a failure
  std::int64_t lost_leases = 0;      ///< likewise because their worker was lost or quarantined
  std::int64_t late_leases = 0;      ///< likewise because they were late

  bool operator==(const CrewFacts&) const = default;
  std::int64_t alive() const {
    std::int64_t count = 0;
    for (const WorkerFacts& worker : workers) count += worker.alive() ? 1 : 0;
    return count;
  }
  /// Mean share of their time that the workers were busy, from 0 to 1; nothing without workers or time.
  std::optional<double> utilization() const {
    if (workers.empty() || seconds <= 0) return std::nullopt;
    double busy = 0;
    for (const WorkerFacts& worker : workers) busy += worker.busy_seconds;
    return busy / (seconds * static_cast<double>(workers.size()));
  }
};

}  // namespace pare::search
