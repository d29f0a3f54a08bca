// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/trajectory.hpp"

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr int doublings = 6;

}  // namespace

int Trajectory::step_of(std::int64_t tokens) const {
  if (tokens == 0) return 0;
  int step = 1;
  for (int halvings = doublings; halvings >= 0; --halvings) {
    const std::int64_t rung = token_limit_ >> halvings;
    if (tokens <= rung) return step;
    if (tokens <= rung + rung / 2 && halvings > 0) return step + 1;
    step += 2;
  }
  return step;
}

void Trajectory::add(std::int64_t tokens, const Recipe& answer) {
  EXPECT(points_.empty() || points_.back().tokens <= tokens, tokens);
  if (!points_.empty() && points_.back().recipe == answer) return;
  if (!points_.empty() && step_of(points_.back().tokens) == step_of(tokens)) points_.pop_back();
  // Changed and changed back within a step is no change.
  if (points_.empty() || points_.back().recipe != answer) points_.push_back({tokens, answer});
}

}  // namespace pare::search
