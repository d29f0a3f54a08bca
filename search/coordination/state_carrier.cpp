// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/state_carrier.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "framework/comm/abandon.hpp"
#include "kernels/core/contract.hpp"
#include "search/coordination/task_parts.hpp"
#include "search/store/byte_codec.hpp"

namespace pare::search {
namespace {

constexpr std::size_t head_bytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);

}  // namespace

StateCarrier::StateCarrier(std::unique_ptr<framework::Channel> evaluator, std::unique_ptr<framework::Channel> before,
                           std::unique_ptr<framework::Channel> next)
    : evaluator_(std::move(evaluator)), before_(std::move(before)), next_(std::move(next)) {}

void StateCarrier::send(std::span<const std::byte> task) {
  waiting_.push_back(decode_task(task));
  const auto* stop = std::get_if<Stop>(&waiting_.back().task);
  if (stop == nullptr) return hand_on();
  if (stop->ranks_lost) {
    framework::abandon(std::move(before_));
    framework::abandon(std::move(next_));
  }
  waiting_.clear();
  evaluator_->send(task);
}

std::optional<std::vector<std::byte>> StateCarrier::try_receive() {
  while (before_) {
    const auto message = before_->try_receive();
    if (!message) break;
    store(*message);
  }
  hand_on();
  auto message = evaluator_->try_receive();
  if (!message || !next_) return message;
  Reply reply = decode_reply(*message);
  auto* passed = std::get_if<Passed>(&reply.outcome);
  if (passed == nullptr || !passed->states.shared) return message;
  try {
    send_on(*passed->states.shared);
  } catch (const framework::OutOfSight&) {
    reply.outcome = Failed{FailureKind::crash, "evaluator ended, and the states that it had computed went with it"};
  }
  return encode(reply);
}

void StateCarrier::send_on(SharedStates& states) {
  const auto bytes = leaving_[states.slot].look(states.place, states.values * sizeof(float));
  ByteWriter out;
  out.number(states.slot);
  out.number(++sent_);
  out.raw(bytes);
  next_->send(out.bytes());
  // On another node the number alone means something.
  states.place = {.pid = 0, .descriptor = -1, .token = sent_};
}

void StateCarrier::store(std::span<const std::byte> message) {
  ByteReader in(message, "message with hidden states");
  const auto slot = in.number<std::uint32_t>();
  const auto number = in.number<std::uint64_t>();
  VALIDATE(slot < handover_slots, "message with hidden states is damaged: no slot ", slot);
  const auto values = in.raw(message.size() - head_bytes);
  const auto room = arrived_[slot].room(values.size());
  if (room.size() < values.size()) throw std::runtime_error("no memory for the hidden states of the rank before");
  std::ranges::copy(values, room.begin());
  arrived_number_[slot] = number;
}

void StateCarrier::hand_on() {
  while (!waiting_.empty()) {
    Task& task = waiting_.front().task;
    if (before_ && goes_through_stages(task) && states_of(task).shared) {
      SharedStates& states = *states_of(task).shared;
      if (arrived_number_[states.slot] != states.place.token) return;
      states.place = arrived_[states.slot].place();
    }
    evaluator_->send(encode(waiting_.front()));
    waiting_.pop_front();
  }
}

}  // namespace pare::search
