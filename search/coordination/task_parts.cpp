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

/// values: [part.candidates, part.count], row-major, into their places in all: [.., windows] from window `begin` on.
void put(std::vector<double>& all, std::int64_t begin, std::int64_t windows, const TaskPart& part,
         const std::vector<double>& values) {
  for (std::size_t c = 0; c < part.candidates; ++c) {
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(c) * part.count;
    const auto row = static_cast<std::ptrdiff_t>(part.first + c) * windows;
    std::copy_n(from, part.count, all.begin() + row + (part.begin - begin));
  }
}

Evaluated join_losses(const Evaluate& lease, const std::vector<TaskPart>& parts, const std::vector<Outcome>& answers) {
  const std::size_t size = lease.recipes.size() * static_cast<std::size_t>(lease.count);
  Evaluated all{.kl = std::vector<double>(size), .nll = std::vector<double>(size)};
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const auto& answer = std::get<Evaluated>(answers[p]);
    put(all.kl, lease.begin, lease.count, parts[p], answer.kl);
    put(all.nll, lease.begin, lease.count, parts[p], answer.nll);
    all.stage_runs += answer.stage_runs;
    all.stage_runs_separate += answer.stage_runs_separate;
    if (answer.wrong.empty()) continue;
    all.wrong.resize(size);
    put(all.wrong, lease.begin, lease.count, parts[p], answer.wrong);
  }
  return all;
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

std::vector<TaskPart> cut(const Task& task, std::int64_t windows, std::size_t candidates) {
  EXPECT(windows > 0 && candidates > 0);
  const auto* lease = std::get_if<Evaluate>(&task);
  const TaskPart all = lease != nullptr ? TaskPart{lease->begin, lease->count, 0, lease->recipes.size()}
                                        : TaskPart{std::get<Teach>(task).begin, std::get<Teach>(task).count, 0, 1};
  std::vector<TaskPart> parts;
  for (std::int64_t w = 0; w < all.count; w += windows) {
    for (std::size_t c = 0; c < all.candidates; c += candidates) {
      parts.push_back({all.begin + w, std::min(windows, all.count - w), c, std::min(candidates, all.candidates - c)});
    }
  }
  return parts;
}

Task part_of(const Task& task, const TaskPart& part) {
  if (const auto* lease = std::get_if<Evaluate>(&task)) {
    const auto first = lease->recipes.begin() + static_cast<std::ptrdiff_t>(part.first);
    return Evaluate{.set = lease->set,
                    .begin = part.begin,
                    .count = part.count,
                    .recipes = {first, first + static_cast<std::ptrdiff_t>(part.candidates)}};
  }
  return Teach{.set = std::get<Teach>(task).set, .begin = part.begin, .count = part.count};
}

Outcome join(const Task& task, const std::vector<TaskPart>& parts, const std::vector<Outcome>& answers) {
  if (const auto* lease = std::get_if<Evaluate>(&task)) return join_losses(*lease, parts, answers);
  Taught all;
  for (const Outcome& answer : answers) {
    const framework::TeacherPart& taught = std::get<Taught>(answer).part;
    append(all.part.ids, taught.ids);
    append(all.part.log_probabilities, taught.log_probabilities);
    append(all.part.nll, taught.nll);
  }
  return all;
}

}  // namespace pare::search
