// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace pare::search {

/// Keeps OUTPUT/run.h5 up to date while a search runs. The file is rebuilt from the journal by a short-lived process
/// (`pare journal export OUTPUT`), so that neither its time, its memory nor a fault of HDF5 is the search's. It is
/// started, not forked: a fork would copy MPI and threads in the middle of something. A snapshot that fails is a warning.
class Snapshots {
 public:
  Snapshots(std::filesystem::path output, std::function<void(const std::string&)> say);
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  /// To be called now and then, with the journal's last sequence: starts a snapshot 60 s or 256 records after the last,
  /// at most one at a time and one in 5 s.
  void take_if_due(std::uint64_t journal_sequence);

  /// Ends a snapshot that is under way; what it would have replaced stays.
  void cancel();

 private:
  using Clock = std::chrono::steady_clock;

  void start();
  void collect();

  std::filesystem::path output_;
  std::function<void(const std::string&)> say_;
  pid_t child_ = 0;  ///< 0: none
  int errors_ = -1;  ///< what the child writes to standard error, a file without a name
  Clock::time_point started_ = Clock::now();
  std::uint64_t sequence_ = 0;  ///< the journal's last at that time
};

}  // namespace pare::search
