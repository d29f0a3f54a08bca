// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/abandon.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace pare::framework {

void abandon(std::unique_ptr<Channel> channel) {
  static std::mutex mutex;
  // Never destroyed, and so never what they hold.
  static auto* const abandoned = new std::vector<std::unique_ptr<Channel>>;
  const std::lock_guard lock(mutex);
  abandoned->push_back(std::move(channel));
}

}  // namespace pare::framework
