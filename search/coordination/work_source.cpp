// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/work_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

/// About how much longer a task takes than the smallest of its kind.
double cost_of(const Task& task) {
  if (const auto* text = std::get_if<GenerateText>(&task)) return static_cast<double>(text->count);
  if (const auto* teach = std::get_if<Teach>(&task)) return static_cast<double>(teach->count);
  if (const auto* calibrate = std::get_if<CalibrateStage>(&task)) return static_cast<double>(calibrate->lanes);
  return 1;
}

}  // namespace

TaskList::TaskList(std::span<const Task> tasks, const std::vector<std::size_t>* workers, const OnOutcome& on_outcome,
                   bool dispensable)
    : tasks_(tasks),
      pinned_(workers != nullptr),
      dispensable_(dispensable),
      left_(tasks.size()),
      on_outcome_(on_outcome) {
  EXPECT(!pinned_ || workers->size() >= tasks.size());
  for (std::size_t i = 0; pinned_ && i < tasks.size(); ++i) own_[(*workers)[i]] = i;
}

LeasePointer TaskList::make_lease(std::size_t index) const {
  auto lease = std::make_shared<Lease>();
  lease->task = tasks_[index];
  lease->index = index;
  lease->cost = std::max(1.0, cost_of(lease->task));
  return lease;
}

LeasePointer TaskList::next(std::size_t worker, double) {
  if (left_ == 0) return nullptr;
  if (!pinned_) {
    --left_;
    return make_lease(next_++);
  }
  const auto own = own_.find(worker);
  if (own == own_.end()) return nullptr;
  LeasePointer lease = make_lease(own->second);
  lease->only_for = worker;
  lease->dispensable = dispensable_;
  own_.erase(own);
  --left_;
  return lease;
}

bool TaskList::worker_is_out(std::size_t worker) {
  if (own_.erase(worker) == 0) return false;
  --left_;
  return !dispensable_;
}

void TaskList::give_up(const Lease&, const std::string& why) {
  throw std::runtime_error(why);
}

EvaluationWork::EvaluationWork(const SearchSpace& space, const LeaseSettings& settings, std::vector<Evaluate> work,
                               const OnEvaluated& on_evaluated, const OnPoisoned& on_poisoned)
    : space_(space),
      settings_(settings),
      pool_(space, settings, std::move(work)),
      on_evaluated_(on_evaluated),
      on_poisoned_(on_poisoned) {}

LeasePointer EvaluationWork::make_lease(Evaluate task) const {
  auto lease = std::make_shared<Lease>();
  lease->cost = std::max(1.0, lease_cost(space_, settings_, task));
  lease->task = std::move(task);
  return lease;
}

LeasePointer EvaluationWork::next(std::size_t worker, double cost) {
  auto task = pool_.take(worker, cost);
  return task ? make_lease(std::move(*task)) : nullptr;
}

void EvaluationWork::deliver(const Lease& lease, Outcome& outcome) {
  on_evaluated_(std::get<Evaluate>(lease.task), std::get<Evaluated>(outcome));
}

std::vector<LeasePointer> EvaluationWork::split(const Lease& lease) {
  const auto& task = std::get<Evaluate>(lease.task);
  std::vector<LeasePointer> parts;
  if (task.recipes.size() == 1) return parts;
  for (const Recipe& recipe : task.recipes) {
    LeasePointer part = make_lease({task.set, task.begin, task.count, {recipe}});
    part->family = lease.family;
    if (!poisoned_.contains(recipe)) parts.push_back(std::move(part));
  }
  return parts;
}

void EvaluationWork::give_up(const Lease& lease, const std::string& why) {
  const auto& task = std::get<Evaluate>(lease.task);
  EXPECT(task.recipes.size() == 1);
  const Recipe& recipe = task.recipes.front();
  if (!poisoned_.insert(recipe).second) return;
  pool_.drop(recipe);
  on_poisoned_(recipe, why);
}

bool EvaluationWork::wants(const Lease& lease) const {
  const auto& recipes = std::get<Evaluate>(lease.task).recipes;
  return !std::ranges::all_of(recipes, [&](const Recipe& recipe) { return poisoned_.contains(recipe); });
}

}  // namespace pare::search
