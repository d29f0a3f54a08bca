// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pare::framework {

/// A command with all that it starts on this host, in a session of its own, so that a terminal's signals do not reach
/// it and none of it outlives this object. It reads nothing and its standard output is dropped; standard error is
/// shared. When the process that launched it dies, the command gets SIGTERM. Used by one thread.
class LaunchedJob {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  /// `command[0]` is looked up in PATH. Throws InputError when it cannot be started.
  LaunchedJob(const std::vector<std::string>& command, const Environment& environment);
  /// end()
  ~LaunchedJob();
  LaunchedJob(const LaunchedJob&) = delete;
  LaunchedJob& operator=(const LaunchedJob&) = delete;

  /// How the command itself ended, for people; empty while it runs. What it started may still run.
  const std::optional<std::string>& ended();
  /// To the command itself, which a launcher passes on.
  void signal(int number);
  /// SIGTERM to the command; what is left of the session five seconds later is killed. Returns once nothing is left.
  void end();

 private:
  pid_t pid_ = -1;
  std::optional<std::string> ended_;
};

}  // namespace pare::framework
