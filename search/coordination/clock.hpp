// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace pare::search {

/// How the coordinator tells the time and lets it pass. Decisions never depend on it; tests of hours put their own here.
struct Clock {
  /// Monotonic seconds from any origin.
  std::function<double()> seconds = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  /// Waits; called when there is nothing to do.
  std::function<void(double)> sleep = [](double time) {
    std::this_thread::sleep_for(std::chrono::duration<double>(time));
  };
};

}  // namespace pare::search
