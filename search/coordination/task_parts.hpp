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

/// Some windows and candidates of such a task; a Teach has one candidate.
struct TaskPart {
  std::int64_t begin = 0;  ///< as the task counts windows
  std::int64_t count = 0;
  std::size_t first = 0;
  std::size_t candidates = 1;
};

/// The task in parts of at most so many windows and candidates, both at least 1; window by window, so that neighbors share
/// what was computed for their windows.
std::vector<TaskPart> cut(const Task& task, std::int64_t windows, std::size_t candidates);
Task part_of(const Task& task, const TaskPart& part);

/// The answer to the task from the answers to its parts, each of which `answers` its part (lease.hpp).
Outcome join(const Task& task, const std::vector<TaskPart>& parts, const std::vector<Outcome>& answers);

}  // namespace pare::search
