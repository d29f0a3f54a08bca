// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "framework/comm/channel.hpp"

namespace pare::search {

struct RelaySettings {
  std::chrono::milliseconds heartbeat{5000};
  std::chrono::milliseconds silence{120000};
  std::string coordinator = "rank 0";  ///< for people
};

/// All that the main thread of a worker rank does: hands tasks from the coordinator on to the worker (a thread or a child
/// process, or a group of workers) and its replies back, and says Alive in between, however long a task takes. Returns after Stop, which
/// reaches the worker, too; whether ranks were lost.
///
/// When the coordinator says nothing for `silence`, it is gone, which MPI does not tell: the process ends with code 75, and
/// its children with it. Time in which this process was stopped does not count.
bool relay(framework::Channel& coordinator, framework::Channel& worker, const RelaySettings& settings);

}  // namespace pare::search
