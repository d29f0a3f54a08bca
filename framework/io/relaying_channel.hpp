// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "framework/comm/channel.hpp"
#include "framework/comm/process_group.hpp"
#include "framework/io/file_relay.hpp"

namespace pare::framework {

/// A rank's line to rank 0 which, where the rank leads its node, takes part in bringing files to the nodes as long as
/// somebody looks for messages: whoever waits for tasks serves the relay without knowing of it.
class RelayingChannel final : public Channel {
 public:
  /// The rank must not be 0; the group must outlive the channel.
  explicit RelayingChannel(ProcessGroup& group);

  void send(std::span<const std::byte> message) override { line_->send(message); }
  /// From now on the line is to this rank. The relay stays.
  void turn_to(int rank);

  std::optional<std::vector<std::byte>> try_receive() override;
  std::vector<std::byte> receive() override;

 private:
  ProcessGroup& group_;
  std::unique_ptr<Channel> line_;
  std::unique_ptr<FileRelay> relay_;  ///< null where another rank leads
};

/// Rank 0's end: the root of the tree, with its lines to the nodes below. on_wait: see FileRelay.
std::unique_ptr<FileRelay> make_root_relay(ProcessGroup& group, std::function<void(std::size_t)> on_wait);

}  // namespace pare::framework
