// SPDX-License-Identifier: Apache-2.0
#include "search/report/crew_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace pare::search {

using framework::Json;

std::string crew_text(const CrewFacts& crew) {
  if (crew.workers.empty()) return {};
  std::string text = fmt::format("{} of {} alive", crew.alive(), crew.workers.size());
  if (const auto share = crew.utilization()) text += fmt::format(", {:.0f} % busy", 100 * *share);
  double latency = 0;
  double bytes = 0;
  for (const WorkerFacts& worker : crew.workers) {
    latency = std::max(latency, worker.latency_p95_seconds);
    bytes += static_cast<double>(worker.bytes_sent + worker.bytes_received);
  }
  text += fmt::format(", 95 % of tasks within {:.3g} s, {:.1f} MB moved", latency, bytes / 1e6);
  for (const auto& [count, why] :
       {std::pair{crew.retries, "after failures"}, {crew.lost_leases, "after losses"}, {crew.late_leases, "late"}}) {
    if (count > 0) text += fmt::format(", {} handed out again {}", count, why);
  }
  return text;
}

Json crew_json(const CrewFacts& crew) {
  Json workers = Json::array();
  for (const WorkerFacts& worker : crew.workers) {
    workers.push_back({{"name", worker.name},
                       {"state", worker.state},
                       {"alive", worker.alive()},
                       {"tasks", worker.tasks},
                       {"failures", worker.failures},
                       {"busy_seconds", worker.busy_seconds},
                       {"latency_p50_seconds", worker.latency_p50_seconds},
                       {"latency_p95_seconds", worker.latency_p95_seconds},
                       {"bytes_sent", worker.bytes_sent},
                       {"bytes_received", worker.bytes_received}});
  }
  return workers;
}

}  // namespace pare::search
