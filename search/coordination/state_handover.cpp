// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/state_handover.hpp"

#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

template <class T, std::size_t... Slot>
std::array<T, sizeof...(Slot)> for_every_slot(framework::CopiedBy copied_by, std::index_sequence<Slot...>) {
  return {(static_cast<void>(Slot), T(copied_by))...};
}

}  // namespace

StateHandover::StateHandover(framework::CopiedBy copied_by)
    : own_(for_every_slot<framework::SharedBuffer>(copied_by, std::make_index_sequence<handover_slots>())),
      others_(for_every_slot<framework::SharedView>(copied_by, std::make_index_sequence<handover_slots>())) {}

std::span<const float> StateHandover::take(const HandedStates& states) {
  if (!states.shared) return states.values;
  const SharedStates& shared = *states.shared;
  const auto bytes = others_[shared.slot].look(shared.place, shared.values * sizeof(float));
  return {reinterpret_cast<const float*>(bytes.data()), shared.values};
}

std::span<float> StateHandover::room(std::optional<std::uint32_t> slot, std::size_t values) {
  leaving_ = {};
  if (slot) {
    const auto bytes = own_[*slot].room(values * sizeof(float));
    if (!bytes.empty()) {
      leaving_.shared = SharedStates{*slot, own_[*slot].place(), values};
      return {reinterpret_cast<float*>(bytes.data()), values};
    }
  }
  leaving_.values.resize(values);
  return leaving_.values;
}

HandedStates StateHandover::give() {
  return std::exchange(leaving_, {});
}

}  // namespace pare::search
