// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>

#include "framework/comm/exit_code.hpp"
#include "framework/comm/watchdog.hpp"

namespace pare::search {

/// The watchdog is at its post while a loop of the coordinator runs.
class LoopWatch {
 public:
  /// watchdog: may be null, and outlives the loop. seconds: that one turn may take.
  LoopWatch(framework::Watchdog* watchdog, double seconds) : watchdog_(watchdog) {
    if (watchdog_ == nullptr) return;
    watchdog_->arm("rank 0 has been at one turn of its loop",
                   std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000)),
                   framework::exit_code::temporary);
  }
  ~LoopWatch() {
    if (watchdog_ != nullptr) watchdog_->disarm();
  }
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;

  void beat() {
    if (watchdog_ != nullptr) watchdog_->beat();
  }

 private:
  framework::Watchdog* watchdog_;
};

}  // namespace pare::search
