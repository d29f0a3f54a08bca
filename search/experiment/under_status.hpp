// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "framework/comm/exit_code.hpp"
#include "search/coordination/scheduler.hpp"
#include "search/store/run_status.hpp"

namespace pare::search {

/// Of the exception being handled, which ended what the status is about: drained, or failed with its text. Call it in a
/// catch block.
void end_by_exception(StatusKeeper& status);

/// Runs `work(status)`, rank 0's part of a run, while OUTPUT/status.json says where it stands, and how it ended.
template <class Work>
auto under_status(const std::filesystem::path& output, const Work& work) {
  StatusKeeper status(status_file(output));
  status.enter(RunState::starting);
  try {
    auto result = work(status);
    status.end(RunState::complete, framework::exit_code::complete, {});
    return result;
  } catch (...) {
    end_by_exception(status);
    throw;
  }
}

/// What to do while workers are waited for: say that the run is alive, and leave a drain that takes too long. For work
/// that has nothing to save then.
Scheduler::OnRound advance_status(StatusKeeper& status);

}  // namespace pare::search
