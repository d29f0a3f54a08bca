// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <thread>

#include "framework/comm/channel.hpp"

namespace pare::framework {

/// A channel in front of others, which learns what has come by looking: receive() is try_receive() again and again, with
/// pauses.
class PolledChannel : public Channel {
 public:
  std::vector<std::byte> receive() override {
    constexpr auto pause = std::chrono::microseconds(200);
    while (true) {
      if (auto message = try_receive()) return std::move(*message);
      std::this_thread::sleep_for(pause);
    }
  }
};

}  // namespace pare::framework
