// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "framework/comm/polled_channel.hpp"
#include "framework/comm/shared_buffer.hpp"
#include "search/coordination/protocol.hpp"

namespace pare::search {

/// The line to the evaluator of a rank whose neighbours in a worker of several ranks (worker_group.hpp) are on other nodes.
/// What the evaluator leaves in memory for the next rank is sent there from here, rank to rank, when its answer comes by; a
/// task whose states come from the rank before waits here, and whatever came after it, until they have arrived in memory
/// of this rank.
///
/// Used by one thread. Throws what its lines throw, and std::runtime_error where there is no memory for what arrives.
class StateCarrier final : public framework::PolledChannel {
 public:
  /// before, next: lines for states alone; null where that rank is of this node, or where there is none.
  StateCarrier(std::unique_ptr<framework::Channel> evaluator, std::unique_ptr<framework::Channel> before,
               std::unique_ptr<framework::Channel> next);

  void send(std::span<const std::byte> task) override;
  std::optional<std::vector<std::byte>> try_receive() override;

 private:
  void store(std::span<const std::byte> message);
  void hand_on();
  void send_on(SharedStates& states);

  std::unique_ptr<framework::Channel> evaluator_;
  std::unique_ptr<framework::Channel> before_, next_;
  std::deque<NumberedTask> waiting_;
  std::array<framework::SharedBuffer, handover_slots> arrived_;
  std::array<std::uint64_t, handover_slots> arrived_number_{};  ///< of what lies there, as its sender counts
  std::array<framework::SharedView, handover_slots> leaving_;
  std::uint64_t sent_ = 0;
};

}  // namespace pare::search
