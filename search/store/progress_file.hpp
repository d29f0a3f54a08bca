// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "search/store/crew_facts.hpp"

namespace pare::search {

/// How far a run is. Times and rates are for people: nothing is decided by them.
struct RunProgress {
  std::string time;            ///< of writing, UTC, "2026-11-26T14:02:11Z"
  double running_seconds = 0;  ///< since this start
  std::string stage;           ///< "searching"
  double done = 0;             ///< of the stage, in units
  double total = 0;
  double stage_seconds = 0;
  std::string unit;                ///< "tokens"
  std::string note;                ///< what the algorithm says of itself
  std::int64_t search_tokens = 0;  ///< candidate-tokens evaluated in the search so far, by earlier starts too
  std::int64_t token_limit = 0;    ///< of the search
  std::int64_t budget_bytes = 0;
  std::string device;  ///< that candidates are evaluated on: "CPU", or rank 0's GPU
  CrewFacts crew;
};

/// OUTPUT/progress.json
std::filesystem::path progress_file(const std::filesystem::path& output);

/// By rename: a reader sees the old numbers or the new ones. `time` is filled in. Throws InputError when it cannot be
/// written.
void write_progress_file(const std::filesystem::path& file, RunProgress progress);

/// Nothing when there is no file. Throws InputError when it is no such file.
std::optional<RunProgress> read_progress_file(const std::filesystem::path& file);

}  // namespace pare::search
