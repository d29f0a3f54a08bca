// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/golden_check.hpp"

#include <utility>

namespace pare::search {

GoldenCheck::GoldenCheck(Evaluate task, std::size_t workers, double interval_seconds)
    : task_(std::move(task)), interval_(interval_seconds), due_(workers, 0.0), answers_(workers) {}

void GoldenCheck::answer(std::size_t worker, Evaluated answer) {
  answers_[worker] = std::move(answer);
}

std::optional<std::vector<std::size_t>> GoldenCheck::odd_ones(const std::vector<std::size_t>& workers) {
  for (const std::size_t candidate : workers) {
    std::vector<std::size_t> odd;
    for (const std::size_t worker : workers)
      if (!same_answer(answers_[candidate], answers_[worker])) odd.push_back(worker);
    if (2 * odd.size() >= workers.size()) continue;
    right_ = answers_[candidate];
    return odd;
  }
  return std::nullopt;
}

bool GoldenCheck::differs(std::size_t worker) const {
  return right_ && !same_answer(*right_, answers_[worker]);
}

}  // namespace pare::search
