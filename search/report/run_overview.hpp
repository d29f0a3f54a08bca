// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "search/algorithm/best_so_far.hpp"
#include "search/space/budget.hpp"
#include "search/store/progress_file.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// The best of the trials; nothing when none fits the budget.
std::optional<BestSoFar> best_so_far(const RunRecord& record, const Budget& budget);

/// What the files of a run say of it. Reading them takes no lock and changes nothing, so that a run can be looked at while
/// it goes on, and from any machine that sees its directory.
struct RunOverview {
  std::filesystem::path directory;
  /// As in status.json, or KILLED: its process is gone and said nothing; UNKNOWN: nobody said anything.
  std::string state;
  std::string process;  ///< "pid 4711 on host node7 since ..."; empty when unknown
  std::string error;    ///< why it failed
  std::string warning;  ///< what could not be read
  std::optional<RunProgress> progress;
  std::string algorithm;
  Objective objective;
  std::int64_t trials = 0;
  std::int64_t failed_trials = 0;
  std::optional<BestSoFar> best;
  std::optional<Verdict> verdict;
  std::int64_t snapshot_trials = -1;  ///< in run.h5; -1: there is no such file
};

/// Throws InputError when the directory holds no run.
RunOverview read_overview(const std::filesystem::path& directory);

/// For a terminal.
std::string overview_text(const RunOverview& overview);

/// For programs: {state, process, error, warning, algorithm, stage, note, tokens {done, limit, rate, seconds_left},
/// objective {metric, combine}, best {loss, windows, bytes, uniform, uniform_loss} or null, winner or null, trials, failed_trials,
/// device, workers [as in progress.json, and alive], utilization or null, snapshot_trials or null, updated or null, logs}. Names may be added.
std::string overview_json(const RunOverview& overview);

}  // namespace pare::search
