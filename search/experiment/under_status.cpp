// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/under_status.hpp"

#include "framework/log/log.hpp"
#include "search/coordination/drain.hpp"
#include "search/experiment/failure.hpp"

namespace pare::search {

void end_by_exception(StatusKeeper& status) {
  const Failure failure = explain_current_exception();
  const bool drained = failure.exit_code == framework::exit_code::drained;
  framework::log_line(drained ? framework::LogLevel::info : framework::LogLevel::error, failure.text);
  status.end(drained ? RunState::drained : RunState::failed, failure.exit_code, drained ? "" : failure.text);
}

Scheduler::OnRound advance_status(StatusKeeper& status) {
  return [&status](std::size_t tasks) {
    status.advance(tasks);
    leave_late_drain([&] { status.end(RunState::drained, framework::exit_code::drained, {}); });
  };
}

}  // namespace pare::search
