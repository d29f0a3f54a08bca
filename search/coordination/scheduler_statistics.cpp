// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/scheduler_statistics.hpp"

#include <fmt/core.h>

namespace pare::search {
namespace {

const char* name_of(WorkerState state) {
  switch (state) {
    case WorkerState::working:
      return "working";
    case WorkerState::suspect:
      return "suspect";
    case WorkerState::late:
      return "late";
    case WorkerState::lost:
      return "lost";
    case WorkerState::quarantined:
      return "quarantined";
  }
  return "";
}

}  // namespace

CrewFacts crew_facts(const SchedulerStatistics& statistics) {
  CrewFacts crew{.workers = {},
                 .seconds = statistics.seconds,
                 .retries = statistics.retries,
                 .lost_leases = statistics.lost_leases,
                 .late_leases = statistics.late_leases};
  for (const WorkerStatistics& worker : statistics.workers) {
    const std::string place = worker.host.empty() ? "" : " on " + worker.host;
    crew.workers.push_back({.name = fmt::format("worker {}{}", worker.number, place),
                            .state = name_of(worker.state),
                            .tasks = worker.tasks,
                            .failures = worker.failures,
                            .busy_seconds = worker.busy_seconds,
                            .latency_p50_seconds = worker.latency.quantile(0.5),
                            .latency_p95_seconds = worker.latency.quantile(0.95),
                            .bytes_sent = static_cast<std::int64_t>(worker.bytes_sent),
                            .bytes_received = static_cast<std::int64_t>(worker.bytes_received)});
  }
  return crew;
}

}  // namespace pare::search
