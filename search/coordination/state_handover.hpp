// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "framework/comm/shared_buffer.hpp"
#include "search/coordination/protocol.hpp"

namespace pare::search {

/// How hidden states come to a member of a worker of several (worker_group.hpp), and leave it: in memory that it shares
/// with the next one where the task names a slot of it, else within messages.
class StateHandover {
 public:
  explicit StateHandover(framework::CopiedBy copied_by);

  /// The states that enter, valid until the next call. Throws OutOfSight.
  std::span<const float> take(const HandedStates& states);

  /// Room for the states that leave.
  std::span<float> room(std::optional<std::uint32_t> slot, std::size_t values);
  /// What is in the room that was asked for last.
  HandedStates give();

 private:
  std::array<framework::SharedBuffer, handover_slots> own_;
  std::array<framework::SharedView, handover_slots> others_;
  HandedStates leaving_;
};

}  // namespace pare::search
