// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "search/coordination/protocol.hpp"

namespace pare::search {

/// An Evaluate or Teach as the same on consecutive windows, at most `windows` each.
std::vector<Task> split_by_windows(const Task& task, std::int64_t windows);

/// The answer to the task from the answers to its parts, each of which `answers` its part (lease.hpp).
Outcome join_by_windows(const Task& task, const std::vector<Outcome>& parts);

}  // namespace pare::search
