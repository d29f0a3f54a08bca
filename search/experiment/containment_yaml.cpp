// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "framework/config/near_name.hpp"
#include "search/experiment/containment.hpp"

namespace pare::search {
namespace {

using framework::ConfigView;

constexpr std::int64_t most_ranks_per_worker = 1024;
constexpr double longest = 7 * 24 * 3600.0;

void read_seconds(const ConfigView& view, const std::string& key, double& seconds) {
  if (const auto x = view.find(key)) seconds = x->as_double(0.05, longest);
}

Isolation read_isolation(const ConfigView& view) {
  const std::string value = view.as_string();
  if (value == "auto") return Isolation::automatic;
  if (value == "none") return Isolation::none;
  if (value == "process") return Isolation::process;
  view.fail("unknown value '" + value + "'" + framework::did_you_mean(value, {"auto", "none", "process"}) +
            " (known: auto, none, process)");
}

bool read_switch(const ConfigView& view) {
  const std::string value = view.as_string();
  if (value == "on") return true;
  if (value == "off") return false;
  view.fail("unknown value '" + value + "' (known: on, off)");
}

}  // namespace

ContainmentSettings read_containment(const ConfigView& view) {
  view.allow_keys({"isolation", "ranks_per_worker", "recovery", "heartbeat_seconds", "suspect_seconds", "dead_seconds",
                   "silence_seconds", "coordinator_seconds", "shortest_deadline_seconds", "lease_seconds",
                   "ready_seconds", "progress_seconds", "restarts", "backoff_seconds"});
  ContainmentSettings containment;
  if (const auto x = view.find("isolation")) containment.isolation = read_isolation(*x);
  if (const auto x = view.find("ranks_per_worker"))
    containment.ranks_per_worker = static_cast<int>(x->as_int(1, most_ranks_per_worker));
  if (const auto x = view.find("recovery")) containment.recovery = read_switch(*x);
  read_seconds(view, "heartbeat_seconds", containment.heartbeat_seconds);
  read_seconds(view, "suspect_seconds", containment.suspect_seconds);
  read_seconds(view, "dead_seconds", containment.dead_seconds);
  read_seconds(view, "silence_seconds", containment.silence_seconds);
  read_seconds(view, "coordinator_seconds", containment.coordinator_seconds);
  read_seconds(view, "shortest_deadline_seconds", containment.shortest_deadline_seconds);
  read_seconds(view, "lease_seconds", containment.lease_seconds);
  read_seconds(view, "ready_seconds", containment.ready_seconds);
  read_seconds(view, "progress_seconds", containment.progress_seconds);
  if (const auto x = view.find("restarts")) containment.restarts = static_cast<int>(x->as_int(0, 1000));
  if (const auto x = view.find("backoff_seconds")) {
    containment.backoff_seconds.clear();
    for (const ConfigView& each : x->as_list()) containment.backoff_seconds.push_back(each.as_double(0, longest));
    if (containment.backoff_seconds.empty()) x->fail("no times, list at least one, such as [5, 30, 120]");
  }
  if (containment.silence_seconds <= 3 * containment.heartbeat_seconds) {
    view.fail("silence_seconds must be more than three times heartbeat_seconds, or a busy moment looks like a death");
  }
  if (containment.dead_seconds <= 3 * containment.heartbeat_seconds) {
    view.fail("dead_seconds must be more than three times heartbeat_seconds, or a busy moment looks like a death");
  }
  if (containment.suspect_seconds <= containment.heartbeat_seconds ||
      containment.suspect_seconds > containment.dead_seconds) {
    view.fail("suspect_seconds must lie between heartbeat_seconds and dead_seconds");
  }
  if (containment.lease_seconds < containment.shortest_deadline_seconds) {
    view.fail("lease_seconds is less than shortest_deadline_seconds");
  }
  return containment;
}

}  // namespace pare::search
