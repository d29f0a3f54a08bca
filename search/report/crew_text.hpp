// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "framework/io/json.hpp"
#include "search/store/crew_facts.hpp"

namespace pare::search {

/// "3 of 4 alive, 94 % busy, ..." in one line; empty without workers. Times are those of the slowest worker.
std::string crew_text(const CrewFacts& crew);

/// One entry a worker: {name, state, alive, tasks, failures, busy_seconds, latency_p50_seconds, latency_p95_seconds,
/// bytes_sent, bytes_received}.
framework::Json crew_json(const CrewFacts& crew);

}  // namespace pare::search
