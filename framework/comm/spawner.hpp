// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "framework/comm/channel.hpp"
#include "framework/comm/socket_channel.hpp"

namespace pare::framework {

/// Starts child processes for a process that cannot fork any more, because it has threads, or talks to MPI, or holds
/// a GPU: a small process, forked at the start of the program, forks on its behalf. One per process, in main, before MPI
/// is touched and before any thread exists; used by one thread.
///
/// A child runs `child_main` with its end of a socket channel and ends with the code it returns. It dies with the
/// spawner, and the spawner with this process, however that one ends (PR_SET_PDEATHSIG); when memory runs out, the
/// kernel takes children first (oom_score_adj). Children ignore the signals that mean a drain.
class Spawner {
 public:
  using ChildMain = std::function<int(Channel&)>;

  /// Throws std::runtime_error when the system refuses a process.
  explicit Spawner(const ChildMain& child_main);
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  struct Child {
    pid_t pid = -1;
    std::unique_ptr<Channel> channel;
  };
  /// Throws std::runtime_error when there is no spawner any more, or no process to be had.
  Child start();

  /// Kills the child, if it still lives, and waits for its end. Says how it ended, for people: "ended by signal 11
  /// (Segmentation fault)", "ended with exit code 1".
  std::string end(pid_t child);

 private:
  Descriptor control_;
  pid_t pid_ = -1;
};

}  // namespace pare::framework
