// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "search/objective/race_counts.hpp"

namespace pare::search {

/// How an algorithm worked, for the report.
struct SearchFigures {
  RaceCounts races;
  double surrogate_correlation = 0;   ///< of predicted with measured ranks, over the latest fresh trials
  std::int64_t surrogate_trials = 0;  ///< fresh trials that were predicted; 0: it has no surrogate

  bool operator==(const SearchFigures&) const = default;
};

}  // namespace pare::search
