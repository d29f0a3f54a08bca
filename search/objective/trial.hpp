// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "search/space/recipe.hpp"

namespace pare::search {

enum class WindowSet : std::uint8_t { search = 0, holdout = 1 };

/// What to evaluate: a recipe on `count` windows of a set, from `begin` on.
struct EvaluationRequest {
  Recipe recipe;
  WindowSet set = WindowSet::search;
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

/// What came out, per window: mean KL(teacher || candidate) and mean negative log-likelihood, both in nats a token.
/// Where windows are multiple-choice items, the means are over the tokens of all choices and of the right one.
/// A trial is committed in the order of its request, whatever worker finished first. A trial that `failed` could not be
/// measured on any worker: all its values are +infinity, and `failure` says why.
struct Trial {
  std::int64_t id = 0;  ///< position in the order of commits
  EvaluationRequest request;
  std::vector<double> kl;
  std::vector<double> nll;
  std::string failure = {};  ///< one line; empty: all is well. The same trial may fail with another text elsewhere.
  std::vector<double> wrong = {};  ///< 1 where the answer to the window's item is wrong, else 0; empty for text
  /// Of search, over all starts of the run, until it was committed. For people; NaN: not known.
  double seconds = std::numeric_limits<double>::quiet_NaN();

  bool failed() const { return !failure.empty(); }
};

}  // namespace pare::search
