// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "search/space/recipe.hpp"

namespace pare::search {

/// What an algorithm would have answered after how many tokens: its changes of mind, thinned so that measuring them on
/// held-out windows stays cheap. Of the changes in one step of the ladder (limit/64, limit/48, limit/32, limit/24, ...,
/// 3/4 limit, limit) the last one stays; the one before any tokens and the last of all always stay.
class Trajectory {
 public:
  struct Point {
    std::int64_t tokens = 0;  ///< asked for when this became the answer
    Recipe recipe;
  };

  explicit Trajectory(std::int64_t token_limit) : token_limit_(token_limit) {}

  /// `tokens` never falls. An answer that is not new is no change.
  void add(std::int64_t tokens, const Recipe& answer);

  /// Ascending tokens; the last is the latest answer.
  const std::vector<Point>& points() const { return points_; }

 private:
  int step_of(std::int64_t tokens) const;

  std::int64_t token_limit_;
  std::vector<Point> points_;
};

}  // namespace pare::search
