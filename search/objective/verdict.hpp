// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "search/objective/search_figures.hpp"
#include "search/objective/statistics.hpp"
#include "search/space/recipe.hpp"

namespace pare::search {

/// A recipe that stood in the final, measured on the held-out windows.
struct Contestant {
  std::string name;  ///< "uniform w3-g32", "additive-ilp", "pare", ...
  Recipe recipe;
  std::int64_t bytes = 0;
  double bits_per_weight = 0;
  bool fits = true;  ///< false: over the budget, shown for orientation only
  std::vector<double> window_kl;
  std::vector<double> window_nll;
  Estimate kl;
  double perplexity = 0;                  ///< exp(mean nll)
  std::vector<double> window_wrong = {};  ///< of items; empty for text
};

/// A part of the time of a run: "building bank", "searching".
struct StageTime {
  std::string name;
  double seconds = 0;

  bool operator==(const StageTime&) const = default;
};

struct Spent {
  std::int64_t tokens = 0;         ///< candidate-tokens evaluated, held-out confirmation included
  std::int64_t search_tokens = 0;  ///< without the confirmation
  std::int64_t evaluations = 0;
  double seconds = 0;
  std::int64_t stage_runs = 0;         ///< stages actually run, each counted once per window
  std::int64_t stage_runs_saved = 0;   ///< stage runs that the prefix trie made unnecessary
  std::int64_t reused_tokens = 0;      ///< candidate-tokens that other runs had evaluated; part of no other number here
  std::vector<StageTime> stages = {};  ///< of the start that came to the verdict, in order; empty in older runs
};

/// One of several budgets of a run, and who won it: the lowest held-out KL of all contestants that fit it, whichever
/// budget they were found for. So no point of a front is worse than one with less.
struct FrontPoint {
  std::int64_t budget_bytes = 0;
  std::vector<std::int64_t> limits;    ///< one a measure of the space
  std::size_t winner = 0;              ///< index into Verdict::contestants
  std::optional<std::size_t> uniform;  ///< the best uniform recipe that fits, likewise
};

/// The outcome of a run. `winner` is an index into contestants; it fits the budget and no contestant that fits has a
/// lower mean held-out KL.
struct Verdict {
  std::vector<Contestant> contestants;
  std::size_t winner = 0;
  std::int64_t budget_bytes = 0;     ///< of several budgets the largest, and so with limits, winner and `fits`
  std::vector<std::int64_t> limits;  ///< one a measure of the space
  std::vector<FrontPoint> front;     ///< ascending bytes; empty for one budget
  std::int64_t reference_bytes = 0;
  double reference_perplexity = 0;
  std::string ended_by = {};  ///< the limit that ended the search: "minutes", "evaluations"; empty: none did
  std::vector<double> reference_window_nll = {};    ///< of the full model on the held-out windows; empty in older runs
  std::vector<double> reference_window_wrong = {};  ///< likewise; empty for text
  Spent spent;
  SearchFigures figures;
  std::int64_t trials = 0;
  std::string digest;  ///< XXH3-128 over all committed trials in order
};

}  // namespace pare::search
