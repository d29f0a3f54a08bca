// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <stdexcept>

namespace pare::search {

/// The run was asked to stop and has kept all that was under way; main exits with code 76.
class Drained : public std::runtime_error {
 public:
  Drained() : std::runtime_error("stopped as asked; the same command continues") {}
};

/// Signals of rank 0. USR2 or USR1 (a batch system's notice, forwarded by mpirun) or a first INT asks for a drain:
/// no more work goes out, what is under way is waited for. TERM, or a second INT, ends the process at once with code 75:
/// batch systems kill within two seconds of it, and everything evaluated is on the disk already.
void handle_signals_of_coordinator();

/// Signals of all other processes of a run: a drain is the coordinator's affair, TERM ends at once.
void handle_signals_of_worker();

/// A drain was asked for. Safe in any thread.
bool drain_requested();

/// How long a drain waits for what is under way.
inline constexpr std::chrono::seconds drain_limit{60};

/// Where the drain has taken longer than that by the monotonic clock: calls `save`, and ends the process with code 76,
/// without waiting for workers in the middle of a task. Else does nothing.
void leave_late_drain(const std::function<void()>& save);

}  // namespace pare::search
