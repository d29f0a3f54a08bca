// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pare::search {

/// What a worker has done since this start of the run.
struct WorkerFacts {
  std::string name;  ///< "rank 3 on node7"
  bool alive = true;
  std::int64_t tasks = 0;
  std::int64_t failures = 0;  ///< tasks that came back as failed
  double busy_seconds = 0;
  double latency_p50_seconds = 0;  ///< of its leases, from sending to the answer
  double latency_p95_seconds = 0;
  std::int64_t bytes_sent = 0;  ///< to the worker
  std::int64_t bytes_received = 0;
};

/// How far a run is. Times and rates are for people: nothing is decided by them, and they are no part of run.h5, so that
/// the same run gives the same bytes there.
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
  std::vector<WorkerFacts> workers;  ///< none before the first task of the search

  /// Mean share of their time that the workers were busy, from 0 to 1; nothing without workers or time.
  std::optional<double> utilization() const;
};

/// OUTPUT/progress.json
std::filesystem::path progress_file(const std::filesystem::path& output);

/// By rename: a reader sees the old numbers or the new ones. `time` is filled in. Throws InputError when it cannot be
/// written.
void write_progress_file(const std::filesystem::path& file, RunProgress progress);

/// Nothing when there is no file. Throws InputError when it is no such file.
std::optional<RunProgress> read_progress_file(const std::filesystem::path& file);

}  // namespace pare::search
