// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/state_carrier.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kernels/core/error.hpp"
#include "search/coordination/state_handover.hpp"

namespace pare::test {
namespace {

using namespace search;
using framework::Channel;
using testing::ElementsAre;

constexpr auto by_processor = framework::CopiedBy::processor;

/// Both ranks of a worker over two nodes, with the evaluators' ends of their lines.
class StateCarriers : public ::testing::Test {
 protected:
  StateCarriers() {
    auto [first, first_evaluator] = framework::make_thread_channel();
    auto [second, second_evaluator] = framework::make_thread_channel();
    auto [next, before] = framework::make_thread_channel();
    first_evaluator_ = std::move(first_evaluator);
    second_evaluator_ = std::move(second_evaluator);
    first_ = std::make_unique<StateCarrier>(std::move(first), nullptr, std::move(next));
    second_ = std::make_unique<StateCarrier>(std::move(second), std::move(before), nullptr);
  }

  /// The first evaluator's answer to a task, as it comes to the group.
  Passed pass(std::uint32_t slot, const std::vector<float>& states) {
    std::ranges::copy(states, memory_.room(slot, states.size()).begin());
    return pass(memory_.give());
  }
  Passed pass(HandedStates states) {
    first_evaluator_->send(encode(Reply{1, 0, Passed{std::move(states), 1, 1}}));
    return std::get<Passed>(decode_reply(first_->receive()).outcome);
  }

  static std::vector<std::byte> task(std::uint64_t number, const HandedStates& states) {
    return encode(NumberedTask{number, Teach{.count = 1, .states = states}});
  }
  /// The states of the next task that the second evaluator sees; empty where none has come.
  std::vector<float> next_states() {
    second_->try_receive();
    const auto message = second_evaluator_->try_receive();
    if (!message) return {};
    const NumberedTask next = decode_task(*message);
    const auto states = reader_.take(std::get<Teach>(next.task).states);
    return {states.begin(), states.end()};
  }

  StateHandover memory_{by_processor}, reader_{by_processor};
  std::unique_ptr<Channel> first_evaluator_, second_evaluator_;
  std::unique_ptr<StateCarrier> first_, second_;
};

TEST_F(StateCarriers, BringStatesToTheMemoryOfTheNextRank) {
  const Passed passed = pass(1, {0.5f, -2.0f, 3.0f});
  memory_ = StateHandover(by_processor);  // another node sees nothing of it
  ASSERT_TRUE(passed.states.shared);
  EXPECT_TRUE(passed.states.values.empty());

  second_->send(task(7, passed.states));

  EXPECT_THAT(next_states(), ElementsAre(0.5f, -2.0f, 3.0f));
}

TEST_F(StateCarriers, HoldATaskUntilItsOwnStatesHaveCome) {
  const Passed old = pass(1, {1.0f});
  second_->send(task(7, old.states));
  EXPECT_THAT(next_states(), ElementsAre(1.0f));
  // The same slot again: what lies there is of the task before.
  SharedStates later = *old.states.shared;
  ++later.place.token;
  second_->send(task(8, {{}, later}));
  second_->send(task(9, {{4.0f}}));

  EXPECT_TRUE(next_states().empty());

  pass(1, {2.0f});
  EXPECT_THAT(next_states(), ElementsAre(2.0f));
  EXPECT_THAT(next_states(), ElementsAre(4.0f)) << "in their order";
}

TEST_F(StateCarriers, SayThatStatesWentWithTheirEvaluator) {
  const SharedStates gone{.slot = 0, .place = {.pid = ::getpid(), .descriptor = 1 << 20, .token = 1}, .values = 4};
  first_evaluator_->send(encode(Reply{1, 0, Passed{{{}, gone}, 1, 1}}));

  const Outcome outcome = decode_reply(first_->receive()).outcome;

  ASSERT_TRUE(std::holds_alternative<Failed>(outcome));
  EXPECT_EQ(std::get<Failed>(outcome).kind, FailureKind::crash);
}

TEST_F(StateCarriers, LetEverythingElsePass) {
  second_->send(encode(NumberedTask{3, UseText{"text"}}));
  EXPECT_TRUE(std::holds_alternative<UseText>(decode_task(second_evaluator_->receive()).task));
  second_evaluator_->send(encode(Reply{3, 0.5, Ready{}}));
  EXPECT_EQ(decode_reply(second_->receive()).number, 3U);
  EXPECT_THAT(pass(HandedStates{{1.5f}}).states.values, ElementsAre(1.5f));
  second_->send(encode(NumberedTask{0, Stop{.ranks_lost = true}}));
  EXPECT_TRUE(std::holds_alternative<Stop>(decode_task(second_evaluator_->receive()).task));
}

TEST(StateCarrier, RefusesADamagedMessage) {
  auto [line, evaluator] = framework::make_thread_channel();
  auto [previous, before] = framework::make_thread_channel();
  StateCarrier carrier(std::move(line), std::move(before), nullptr);
  previous->send(std::vector<std::byte>(16, std::byte{9}));

  EXPECT_THAT([&] { carrier.try_receive(); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("message with hidden states is damaged: no slot")));
}

}  // namespace
}  // namespace pare::test
