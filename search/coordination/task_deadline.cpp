// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/task_deadline.hpp"

#include <algorithm>
#include <type_traits>

namespace pare::search {
namespace {

constexpr double slack = 5;

/// In units that tasks of one kind have in common.
double work(const Task& task) {
  return std::visit(
      [](const auto& x) -> double {
        using Kind = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<Kind, Evaluate>) {
          return static_cast<double>(x.recipes.size()) * static_cast<double>(x.count);
        } else if constexpr (std::is_same_v<Kind, Teach> || std::is_same_v<Kind, GenerateText>) {
          return static_cast<double>(x.count);
        } else {
          return 1;
        }
      },
      task);
}

}  // namespace

double TaskDeadline::seconds(const Task& task) const {
  const double slowest = slowest_[task.index()];
  return slowest > 0 ? std::clamp(slack * slowest * work(task), least_, most_) : most_;
}

void TaskDeadline::learn(const Task& task, double seconds) {
  double& slowest = slowest_[task.index()];
  slowest = std::max(slowest, seconds / std::max(1.0, work(task)));
}

}  // namespace pare::search
