// SPDX-License-Identifier: Apache-2.0
#include "search/report/crew_text.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "search/store/worker_fields.hpp"

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
    Json json = Json::object();
    for_each_worker_field(
        [&](const schema::Column& column, auto what) { json[std::string(json_key(column))] = worker.*what; });
    json["alive"] = worker.alive();
    workers.push_back(std::move(json));
  }
  return workers;
}

}  // namespace pare::search
