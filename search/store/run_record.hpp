// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "search/objective/objective.hpp"
#include "search/objective/trial.hpp"
#include "search/objective/verdict.hpp"
#include "search/space/search_space.hpp"
#include "search/store/crew_facts.hpp"

namespace pare::search {

/// All that is known of a run: what a run file stores and a report is made from.
struct RunRecord {
  std::string yaml;                                             ///< the resolved experiment
  std::vector<std::pair<std::string, std::string>> provenance;  ///< build, host, versions, hashes; different keys
  std::string algorithm;
  std::uint64_t seed = 0;
  std::int64_t window_length = 0;   ///< tokens
  std::int64_t search_windows = 0;  ///< how many there are
  std::int64_t holdout_windows = 0;
  std::int64_t calibration_windows = 0;  ///< 0: nothing was calibrated, or it was on the search windows
  Objective objective;
  SearchSpace space;
  std::vector<Trial> trials;           ///< in the order of commits
  std::optional<Verdict> verdict;      ///< nothing while the search goes on
  CrewFacts crew;                      ///< of the start that came to the verdict; empty before
  std::uint64_t journal_sequence = 0;  ///< the last record of the journal that went into it
};

}  // namespace pare::search
