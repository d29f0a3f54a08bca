// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "search/objective/statistics.hpp"
#include "search/space/recipe.hpp"

namespace pare::search {

/// The held-out loss of what an algorithm would have answered, had it been stopped there.
struct ComparePoint {
  std::int64_t tokens = 0;  ///< asked for when this became the answer
  Estimate kl;              ///< held-out, nats a token
};

/// One algorithm with one seed on one budget.
struct CompareCell {
  std::size_t budget = 0;  ///< index into CompareRecord::budgets
  std::string algorithm;
  std::uint64_t seed = 0;
  std::int64_t tokens_asked = 0;      ///< candidate-tokens of all it asked for, whoever had asked before
  std::int64_t tokens_to_answer = 0;  ///< of these, those before its answer became what it is
  /// Deciding, and evaluating what it asked for, at the speed of those of its evaluations that had to be made; NaN when
  /// all were known.
  double seconds = 0;
  Recipe recipe;  ///< its answer
  std::int64_t bytes = 0;
  std::vector<double> window_kl;         ///< of the answer on the held-out windows, nats a token
  double perplexity = 0;                 ///< of the answer on the held-out windows
  std::vector<ComparePoint> trajectory;  ///< ascending tokens; the last point is the answer
};

/// The largest recipe with one option everywhere that fits: what costs no search.
struct CompareUniform {
  std::string name;
  std::int64_t bytes = 0;
  std::vector<double> window_kl;
};

struct CompareBudget {
  std::string name;  ///< as the experiment says it: "bits_per_weight: 2.5"
  std::int64_t bytes = 0;
  double bits_per_weight = 0;
  std::optional<CompareUniform> uniform;
};

/// Sites and the names of their options, in the order that recipes count.
struct CompareSite {
  std::string name;
  std::vector<std::string> options;
};

/// Algorithms x seeds x budgets with equal tokens, all on the same bank and the same windows. Cells are ordered by
/// budget, seed, algorithm; fewer than planned while the comparison goes on.
struct CompareRecord {
  std::string yaml;                                             ///< the resolved experiment
  std::string identity;                                         ///< of all that decides the result
  std::vector<std::pair<std::string, std::string>> provenance;  ///< build, host, versions, hashes
  std::vector<std::string> algorithms;
  std::vector<std::uint64_t> seeds;
  std::int64_t tokens = 0;         ///< that each cell may ask for
  std::int64_t window_length = 0;  ///< tokens
  std::int64_t search_windows = 0;
  std::int64_t holdout_windows = 0;
  std::vector<CompareSite> sites;
  std::vector<CompareBudget> budgets;
  std::vector<CompareCell> cells;
  std::string digest;  ///< of all trials in their order; empty while the comparison goes on
};

}  // namespace pare::search
