// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace pare::framework {

/// A thread that ends this process when it is stuck where nothing else could end it: MPI 4.1 waits for ever for ranks
/// that are gone. It goes by the monotonic clock, and says on standard error what it waited for. Time in which the
/// process was stopped as a whole (Ctrl-Z, SIGSTOP) does not count.
///
/// One wait at a time is watched. `arm` and `disarm` are called by the thread that may get stuck, `beat` too.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// From now on, until disarm() or the next arm(), the process ends with `exit_code` when `limit` passes without a
  /// beat(). `what` completes "pare: <what> for 60 s".
  void arm(const std::string& what, std::chrono::milliseconds limit, int exit_code);
  void beat() { last_beat_ = now(); }
  void disarm();

  /// The process also ends, with code 75, when its parent (the launcher) is gone.
  void end_with_parent();

 private:
  using Clock = std::chrono::steady_clock;
  static Clock::rep now() { return Clock::now().time_since_epoch().count(); }

  /// turned: when the process was last known to run.
  void watch(Clock::rep turned);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string what_;
  Clock::duration limit_{};  ///< 0: not armed
  int exit_code_ = 0;
  int parent_ = 0;  ///< 0: not watched
  bool ending_ = false;
  std::atomic<Clock::rep> last_beat_{0};
  std::thread thread_;
};

/// `name` in the environment as a number of seconds, `usual` where it is not set; for tests, which cannot wait as long.
/// Throws InputError for anything but a positive number.
std::chrono::milliseconds seconds_from_environment(const char* name, std::chrono::seconds usual);

}  // namespace pare::framework
