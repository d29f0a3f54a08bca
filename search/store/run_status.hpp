// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace pare::search {

/// Where a run stands. The last four are final.
enum class RunState {
  starting,  ///< launched, nothing known yet
  ready,     ///< experiment and model are read, workers get work
  running,   ///< work came back
  complete,  ///< there is a verdict
  drained,   ///< stopped as asked
  stalled,   ///< given up: it made no progress, again and again
  failed     ///< given up: `error` says why
};

std::string name_of(RunState state);

bool is_final(RunState state);

/// What OUTPUT/status.json says: the one word on whether a run ended well, since exit codes of launchers say nothing.
struct RunStatus {
  RunState state = RunState::starting;
  std::string launch;          ///< which launch wrote it: what the supervisor put into PARE_LAUNCH, or empty
  std::string host;            ///< of the process that wrote it
  std::int64_t pid = 0;        ///< of the process that wrote it
  std::uint64_t sequence = 0;  ///< last record of the journal
  std::uint64_t progress = 0;  ///< tasks that came back in this launch, preparation included
  std::int64_t trials = 0;     ///< committed
  std::int64_t tokens = 0;     ///< evaluated, earlier launches included
  int exit_code = 0;           ///< of a final state
  std::string error;           ///< one line, in state failed or stalled
};

/// With host and process filled in.
RunStatus status_of_this_process();

/// Another process of this host wrote it, which is alive and still at work.
bool is_at_work(const RunStatus& status);

/// A process of this host wrote it, which is gone.
bool writer_is_dead(const RunStatus& status);

std::filesystem::path status_file(const std::filesystem::path& output);

/// By rename: a reader sees the old status or the new one. Throws InputError when it cannot be written.
void write_run_status(const std::filesystem::path& file, const RunStatus& status);

/// Empty when there is none. Throws InputError when the file is no status.
std::optional<RunStatus> read_run_status(const std::filesystem::path& file);

/// Keeps the status file of a running coordinator up to date; a new state is written at once, numbers at most once a
/// second. A file that cannot be written does not end a run, and the status of another run that is alive on this host is
/// left alone (the journal's lock refuses the second run later). Used by one thread.
class StatusKeeper {
 public:
  /// Nothing is written before enter() or end().
  explicit StatusKeeper(std::filesystem::path file);

  void enter(RunState state);
  void end(RunState state, int exit_code, const std::string& error);
  /// `tasks` more tasks came back (0: the loop is alive).
  void advance(std::uint64_t tasks);
  /// Journal, trials and evaluated tokens stand there. The first new token is written at once: it is what tells the
  /// supervisor that a launch was not in vain.
  void record(std::uint64_t sequence, std::int64_t trials, std::int64_t tokens);

 private:
  void write();

  std::filesystem::path file_;
  RunStatus status_;
  std::chrono::steady_clock::time_point written_;
  bool changed_ = false;
  int records_ = 0;  ///< 0: none yet, 1: what the journal held, 2: something new
};

}  // namespace pare::search
