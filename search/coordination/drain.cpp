// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/drain.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <initializer_list>

#include "framework/comm/exit_code.hpp"

namespace pare::search {
namespace {

using Clock = std::chrono::steady_clock;

// Ticks of the clock at which the drain was asked for; 0: not yet.
std::atomic<Clock::rep> drain_since{0};
static_assert(std::atomic<Clock::rep>::is_always_lock_free, "signal handlers may only touch lock-free atomics");

void ask_for_drain() {
  Clock::rep never = 0;
  drain_since.compare_exchange_strong(never, Clock::now().time_since_epoch().count());
}

void on_drain(int) {
  ask_for_drain();
}

void on_interrupt(int) {
  if (drain_since != 0) _exit(framework::exit_code::temporary);
  ask_for_drain();
}

void on_terminate(int) {
  _exit(framework::exit_code::temporary);
}

void handle(std::initializer_list<int> signals, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : signals) sigaction(signal, &action, nullptr);
}

}  // namespace

void handle_signals_of_coordinator() {
  handle({SIGUSR1, SIGUSR2}, on_drain);
  handle({SIGINT}, on_interrupt);
  handle({SIGTERM}, on_terminate);
}

void handle_signals_of_worker() {
  handle({SIGUSR1, SIGUSR2, SIGINT}, SIG_IGN);
  handle({SIGTERM}, on_terminate);
}

bool drain_requested() {
  return drain_since != 0;
}

void leave_late_drain(const std::function<void()>& save) {
  const Clock::rep since = drain_since;
  if (since == 0 || Clock::now().time_since_epoch() - Clock::duration(since) < drain_limit) return;
  save();
  std::fputs("pare: drained without the evaluations still under way; the same command continues\n", stderr);
  _exit(framework::exit_code::drained);
}

}  // namespace pare::search
