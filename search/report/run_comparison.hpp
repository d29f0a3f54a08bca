// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "search/report/comparison.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// A run that takes part in a comparison.
struct NamedRun {
  std::string name;  ///< as the user gave it
  RunRecord record;  ///< with a verdict
};

/// A run beside the first one, at one budget.
struct RunDifference {
  std::size_t run = 0;                    ///< index into the runs, not 0
  std::size_t winner = 0;                 ///< its contestant at that budget
  std::optional<LossDifference> kl = {};  ///< its mean KL less the first run's; nothing where either has one window
  bool paired = false;                    ///< over the same held-out text
  std::optional<std::size_t> sites_that_differ = {};  ///< nothing where their sites are not the same
  std::map<std::string, std::size_t> by_kind = {};    ///< the same, by kind; without those in which none differs
};

/// Runs of one budget: the first run's winner, and the others'.
struct ComparedBudget {
  std::int64_t bytes = 0;
  std::size_t winner = 0;  ///< contestant of the first run
  std::vector<RunDifference> others;
};

struct RunComparison {
  std::vector<NamedRun> runs;
  std::vector<ComparedBudget> budgets;  ///< ascending; those of the first run that another run has, too
  std::vector<std::string> warnings;
};

/// The first run is what the others are compared with. Whether held-out windows are the same text is told by the full
/// model's loss on each, which depends on the text alone. Throws InputError, naming the runs, for fewer than two, for one
/// without a verdict, for different models, and when no budget is that of two runs.
RunComparison compare_runs(std::vector<NamedRun> runs);

/// For people, and for programs:
///
///   runs     [{name, algorithm, seed, tokens, seconds, trials}]
///   budgets  [{bytes, runs [{run (index), winner, bytes, bits_per_weight, kl {mean, stderr}, perplexity, kl_difference
///            {mean, low, high} or null, paired, sites_that_differ or null, by_kind {kind: sites}}]}], differences against
///            the first entry, which has none
///   warnings []
std::string run_comparison_text(const RunComparison& comparison);
std::string run_comparison_json(const RunComparison& comparison);

}  // namespace pare::search
