// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "search/experiment/experiment.hpp"

namespace pare::search {

/// What `pare run` starts.
struct Launch {
  std::string program;                 ///< this program
  std::vector<std::string> arguments;  ///< of `search`: the experiment, --set, --output, --quiet, --verbose
  int ranks = 1;                       ///< 1: without a launcher
  std::vector<std::string> mpirun;     ///< further arguments of mpirun
};

/// Runs a search to its end, through restarts: starts mpirun, judges by OUTPUT/status.json alone how the run fares (a
/// launcher's exit code says nothing: with recovery it is 0 even when every rank failed), ends what is left of a launch that
/// failed, waits, and starts it again, which continues the search. ContainmentSettings has the times. Never retried: what
/// a person has to mend first (exit codes 2, 65, 73, 74, 77). Gives up after `restarts` launches without a new
/// result, with status STALLED or FAILED.
///
/// USR2, USR1 and a first INT drain the run; TERM, HUP and a second INT end it. Returns the exit code; when it returns,
/// none of the processes on this host is left. Throws InputError when nothing can be started, or the directory is in use.
int supervise(const Experiment& experiment, const Launch& launch);

}  // namespace pare::search
