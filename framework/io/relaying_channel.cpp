// SPDX-License-Identifier: Apache-2.0
#include "framework/io/relaying_channel.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

#include "framework/comm/node_tree.hpp"

namespace pare::framework {
namespace {

std::vector<std::unique_ptr<Channel>> lines_below(ProcessGroup& group, const NodePlace& place) {
  std::vector<std::unique_ptr<Channel>> lines;
  for (const int child : place.children) lines.push_back(group.channel(child, Traffic::files));
  return lines;
}

const std::string& own_node(const ProcessGroup& group) {
  return group.nodes()[static_cast<std::size_t>(group.rank())];
}

}  // namespace

std::unique_ptr<FileRelay> make_root_relay(ProcessGroup& group, std::function<void(std::size_t)> on_wait) {
  return std::make_unique<FileRelay>(own_node(group), nullptr, lines_below(group, place_in_tree(group.nodes(), 0)),
                                     std::move(on_wait));
}

RelayingChannel::RelayingChannel(ProcessGroup& group) : group_(group), line_(group.channel(0)) {
  const NodePlace place = place_in_tree(group.nodes(), group.rank());
  if (!place.leads) return;
  relay_ = std::make_unique<FileRelay>(own_node(group), group.channel(place.parent, Traffic::files),
                                       lines_below(group, place));
}

void RelayingChannel::turn_to(int rank) {
  line_.reset();
  line_ = group_.channel(rank);
}

std::optional<std::vector<std::byte>> RelayingChannel::try_receive() {
  if (relay_) relay_->step();
  return line_->try_receive();
}

std::vector<std::byte> RelayingChannel::receive() {
  if (!relay_) return line_->receive();
  // As long as chunks come there is no pause; without any the pauses grow, so that waiting takes no core.
  std::chrono::microseconds pause{50};
  while (true) {
    const bool stepped = relay_->step();
    if (auto message = line_->try_receive()) return std::move(*message);
    if (stepped) {
      pause = std::chrono::microseconds(50);
      continue;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(500));
  }
}

}  // namespace pare::framework
