// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/relay.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <variant>

#include "framework/comm/exit_code.hpp"
#include "search/coordination/protocol.hpp"

namespace pare::search {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto shortest_pause = std::chrono::microseconds(50);
constexpr auto longest_pause = std::chrono::microseconds(500);
// Between two turns: longer than that nobody listened here.
constexpr auto longest_turn = std::chrono::seconds(1);

[[noreturn]] void leave_silent_coordinator(const std::string& name) {
  std::fprintf(stderr, "pare: a worker hears nothing from %s any more, so it ends\n", name.c_str());
  std::fflush(stderr);
  _exit(framework::exit_code::temporary);
}

}  // namespace

bool relay(framework::Channel& coordinator, framework::Channel& worker, const RelaySettings& settings) {
  const auto say_alive = [&] { coordinator.send(encode(Reply{.number = 0, .seconds = 0, .outcome = Alive{}})); };
  say_alive();  // before any reply: who has said it once is lost when it goes silent
  auto heard = Clock::now();
  auto spoken = heard;
  auto turned = heard;
  auto pause = shortest_pause;
  while (true) {
    const auto now = Clock::now();
    if (now - turned > longest_turn) heard += now - turned;
    turned = now;
    bool idle = true;
    if (const auto message = coordinator.try_receive()) {
      heard = now;
      idle = false;
      const Task task = decode_task(*message).task;
      if (!std::holds_alternative<Echo>(task)) worker.send(*message);
      if (const auto* stop = std::get_if<Stop>(&task)) return stop->ranks_lost;
    }
    if (const auto message = worker.try_receive()) {
      coordinator.send(*message);
      spoken = now;
      idle = false;
    }
    if (now - spoken >= settings.heartbeat) {
      say_alive();
      spoken = now;
    }
    if (now - heard >= settings.silence) leave_silent_coordinator(settings.coordinator);
    pause = idle ? std::min(2 * pause, longest_pause) : shortest_pause;
    if (idle) std::this_thread::sleep_for(pause);
  }
}

}  // namespace pare::search
