// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "search/objective/race_counts.hpp"

namespace pare::search {

/// A change of loss against the incumbent, nats a token, before and after it was measured.
struct Prediction {
  double predicted = 0;
  double measured = 0;

  bool operator==(const Prediction&) const = default;
};

/// How an algorithm worked, for the report.
struct SearchFigures {
  RaceCounts races;
  double surrogate_correlation = 0;          ///< of predicted with measured ranks, over the latest fresh trials
  std::int64_t surrogate_trials = 0;         ///< fresh trials that were predicted; 0: it has no surrogate
  std::vector<Prediction> predictions = {};  ///< of those trials in order; empty in older runs

  bool operator==(const SearchFigures&) const = default;
};

}  // namespace pare::search
