// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/task_parts.hpp"

#include <algorithm>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

template <class T>
void append(std::vector<T>& all, const std::vector<T>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// Row `row` of [rows, count], row-major.
void append_row(std::vector<double>& all, const std::vector<double>& values, std::size_t row, std::size_t rows) {
  const auto count = static_cast<std::ptrdiff_t>(values.size() / rows);
  const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row) * count;
  all.insert(all.end(), begin, begin + count);
}

template <class Windows>
std::vector<Task> split(const Windows& task, std::int64_t windows) {
  std::vector<Task> parts;
  for (std::int64_t first = 0; first < task.count; first += windows) {
    Windows part = task;
    part.begin = task.begin + first;
    part.count = std::min(windows, task.count - first);
    parts.emplace_back(std::move(part));
  }
  return parts;
}

}  // namespace

bool goes_through_stages(const Task& task) {
  return std::holds_alternative<Evaluate>(task) || std::holds_alternative<Teach>(task);
}

HandedStates& states_of(Task& task) {
  auto* lease = std::get_if<Evaluate>(&task);
  return lease != nullptr ? lease->states : std::get<Teach>(task).states;
}

std::optional<std::uint32_t>& slot_of(Task& task) {
  auto* lease = std::get_if<Evaluate>(&task);
  return lease != nullptr ? lease->slot : std::get<Teach>(task).slot;
}

std::vector<Task> split_by_windows(const Task& task, std::int64_t windows) {
  EXPECT(windows > 0);
  if (const auto* lease = std::get_if<Evaluate>(&task)) return split(*lease, windows);
  return split(std::get<Teach>(task), windows);
}

Outcome join_by_windows(const Task& task, const std::vector<Outcome>& parts) {
  if (const auto* lease = std::get_if<Evaluate>(&task)) {
    Evaluated all;
    const std::size_t recipes = lease->recipes.size();
    for (std::size_t r = 0; r < recipes; ++r) {
      for (const Outcome& part : parts) {
        const auto& values = std::get<Evaluated>(part);
        append_row(all.kl, values.kl, r, recipes);
        append_row(all.nll, values.nll, r, recipes);
        append_row(all.wrong, values.wrong, r, recipes);
      }
    }
    for (const Outcome& part : parts) {
      all.stage_runs += std::get<Evaluated>(part).stage_runs;
      all.stage_runs_separate += std::get<Evaluated>(part).stage_runs_separate;
    }
    return all;
  }
  Taught all;
  for (const Outcome& part : parts) {
    const framework::TeacherPart& taught = std::get<Taught>(part).part;
    append(all.part.ids, taught.ids);
    append(all.part.log_probabilities, taught.log_probabilities);
    append(all.part.nll, taught.nll);
  }
  return all;
}

}  // namespace pare::search
