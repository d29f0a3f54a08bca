// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <variant>

#include "search/coordination/protocol.hpp"

namespace pare::search {

/// How long a task may take before its evaluator counts as hung: five times what the slowest task of its kind took for
/// as much work, but never less than `least` seconds; `most` seconds before one of its kind has ended.
class TaskDeadline {
 public:
  TaskDeadline(double least, double most) : least_(least), most_(most) {}

  double seconds(const Task& task) const;
  /// A task has ended after so many seconds.
  void learn(const Task& task, double seconds);

 private:
  double least_;
  double most_;
  std::array<double, std::variant_size_v<Task>> slowest_{};  ///< by kind, seconds for a unit of work; 0: none yet
};

}  // namespace pare::search
