// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/watchdog.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/core.h>

#include "framework/comm/exit_code.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr auto longest_nap = std::chrono::milliseconds(500);
// Longer than a nap by so much: the process did not run at all.
constexpr auto stopped_for = std::chrono::seconds(1);

[[noreturn]] void leave(const std::string& why, int exit_code) {
  fmt::print(stderr, "pare: {}\n", why);
  std::fflush(stderr);
  _exit(exit_code);
}

}  // namespace

Watchdog::Watchdog() : thread_([this, born = now()] { watch(born); }) {}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Watchdog::arm(const std::string& what, std::chrono::milliseconds limit, int exit_code) {
  EXPECT(limit.count() > 0);
  {
    const std::lock_guard lock(mutex_);
    what_ = what;
    limit_ = limit;
    exit_code_ = exit_code;
    beat();
  }
  changed_.notify_one();
}

void Watchdog::disarm() {
  const std::lock_guard lock(mutex_);
  limit_ = {};
}

void Watchdog::end_with_parent() {
  const std::lock_guard lock(mutex_);
  parent_ = ::getppid();
}

void Watchdog::watch(Clock::rep turned) {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    const Clock::duration turn(now() - turned);
    turned += turn.count();
    if (turn > longest_nap + stopped_for) last_beat_ += turn.count();
    const bool armed = limit_ > Clock::duration::zero();
    const Clock::duration silence(now() - last_beat_);
    if (armed && silence >= limit_) {
      leave(fmt::format("{} for {:.0f} s, giving up; the same command continues", what_,
                        std::chrono::duration<double>(silence).count()),
            exit_code_);
    }
    if (parent_ != 0 && ::getppid() != parent_) leave("the launcher is gone", exit_code::temporary);
    const Clock::duration nap =
        armed ? std::min<Clock::duration>(limit_ - silence, longest_nap) : Clock::duration(longest_nap);
    changed_.wait_for(lock, nap);
  }
}

std::chrono::milliseconds seconds_from_environment(const char* name, std::chrono::seconds usual) {
  const char* text = std::getenv(name);
  if (text == nullptr) return usual;
  char* end = nullptr;
  const double seconds = std::strtod(text, &end);
  VALIDATE(end != text && *end == '\0' && seconds > 0 && seconds < 1e6, name, "=", text,
           ": not a positive number of seconds");
  return std::chrono::milliseconds(std::max<long>(1, static_cast<long>(seconds * 1000)));
}

}  // namespace pare::framework
