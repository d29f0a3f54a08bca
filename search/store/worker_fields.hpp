// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "search/store/crew_facts.hpp"
#include "search/store/schema.hpp"

namespace pare::search {

/// Calls visit(column of run.h5, member of WorkerFacts) for everything that files say of a worker.
template <class Visit>
void for_each_worker_field(const Visit& visit) {
  visit(schema::worker_name, &WorkerFacts::name);
  visit(schema::worker_state, &WorkerFacts::state);
  visit(schema::worker_tasks, &WorkerFacts::tasks);
  visit(schema::worker_failures, &WorkerFacts::failures);
  visit(schema::worker_busy, &WorkerFacts::busy_seconds);
  visit(schema::worker_latency_p50, &WorkerFacts::latency_p50_seconds);
  visit(schema::worker_latency_p95, &WorkerFacts::latency_p95_seconds);
  visit(schema::worker_sent, &WorkerFacts::bytes_sent);
  visit(schema::worker_received, &WorkerFacts::bytes_received);
}

/// The field's name in JSON: "busy_seconds".
inline std::string_view json_key(const schema::Column& column) {
  const std::string_view path = column.path;
  return path.substr(path.rfind('/') + 1);
}

}  // namespace pare::search
