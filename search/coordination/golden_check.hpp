// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "search/coordination/lease.hpp"

namespace pare::search {

/// One fixed evaluation that every worker repeats from time to time: whoever gives other bits than the others is
/// faulty, even if all its numbers look sound.
class GoldenCheck {
 public:
  GoldenCheck(Evaluate task, std::size_t workers, double interval_seconds);

  const Evaluate& task() const { return task_; }
  /// Is it time for this worker?
  bool is_due(std::size_t worker, double now) const { return now >= due_[worker]; }
  void sent(std::size_t worker, double now) { due_[worker] = now + interval_; }
  /// Keeps the answer of a worker.
  void answer(std::size_t worker, Evaluated answer);

  /// Who of these, all of whom have answered, differs from most of them? The answer of most becomes the one that is right. Nothing: there is no
  /// majority, so nobody can say who is right.
  std::optional<std::vector<std::size_t>> odd_ones(const std::vector<std::size_t>& workers);
  /// Is there a right answer, and did this worker's last one differ from it?
  bool differs(std::size_t worker) const;

 private:
  Evaluate task_;
  double interval_;
  std::vector<double> due_;
  std::vector<Evaluated> answers_;  ///< by worker, the last
  std::optional<Evaluated> right_;
};

}  // namespace pare::search
