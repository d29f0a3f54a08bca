// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "search/coordination/protocol.hpp"

namespace pare::search {

/// Whether a task takes windows through the stages of the model: Evaluate and Teach.
bool goes_through_stages(const Task& task);
/// Of such a task.
HandedStates& states_of(Task& task);
std::optional<std::uint32_t>& slot_of(Task& task);

/// An Evaluate or Teach as the same on consecutive windows, at most `windows` each.
std::vector<Task> split_by_windows(const Task& task, std::int64_t windows);

/// The answer to the task from the answers to its parts, each of which `answers` its part (lease.hpp).
Outcome join_by_windows(const Task& task, const std::vector<Outcome>& parts);

}  // namespace pare::search
