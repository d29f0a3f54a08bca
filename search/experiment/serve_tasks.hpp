// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/comm/channel.hpp"
#include "search/coordination/worker.hpp"

namespace pare::search {

/// Carries out the tasks that come through the channel until Stop. In a file of its own, so that the fault tests
/// link another one, whose evaluator crashes and hangs on demand (tests/system/scripted_evaluator.cpp).
void serve_tasks(const WorkerSetup& setup, framework::Channel& coordinator);

}  // namespace pare::search
