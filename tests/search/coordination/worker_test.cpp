// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/worker.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "framework/bank/bank_plan.hpp"
#include "framework/data/window_file.hpp"
#include "framework/model/stage_range.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/test_models.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using namespace search;

/// A worker with the second half of the demo model, which has its text.
class SecondMember : public ::testing::Test {
 protected:
  SecondMember() {
    framework::write_window_file(scratch_ / "text.h5", {.search = {4, {1, 2, 3, 4}}, .holdout = {4, {5, 6, 7, 8}}});
    auto [here, there] = framework::make_thread_channel();
    line_ = std::move(here);
    worker_ = std::jthread([this, line = std::move(there)] {
      Worker({.model = model_,
              .sites = sites_,
              .bank_plan = bank_plan_,
              .device = {},
              .evaluator = {.stages = framework::part_of_chain(model_.config(), 2, 1)},
              .windows = {.windows = 1, .length = 4, .holdout = 1},
              .top_k = 8})
          .serve(*line);
    });
    decode_reply(line_->receive());  // Hello
    answer(UseText{scratch_ / "text.h5"});
  }
  ~SecondMember() override { line_->send(encode(NumberedTask{0, Stop{}})); }

  Outcome answer(const Task& task) {
    line_->send(encode(NumberedTask{1, task}));
    return decode_reply(line_->receive()).outcome;
  }
  /// A window's states.
  std::vector<float> states() const {
    return std::vector<float>(4 * static_cast<std::size_t>(model_.config().hidden), 0.5f);
  }

  ScratchDirectory scratch_;
  framework::Model model_{demo_model()};
  std::vector<framework::Site> sites_ = sites_with(model_, {"w8-channel"});
  framework::BankPlan bank_plan_{model_, sites_};
  std::unique_ptr<framework::Channel> line_;
  std::jthread worker_;
};

Teach teach(HandedStates states) {
  return {.set = WindowSet::search, .begin = 0, .count = 1, .states = std::move(states)};
}

TEST_F(SecondMember, GivesOneAnswerWhereverTheStatesLie) {
  const std::vector<float> values = states();
  StateHandover first(framework::CopiedBy::processor);
  std::ranges::copy(values, first.room(2, values.size()).begin());
  const HandedStates shared = first.give();
  ASSERT_TRUE(shared.shared && shared.values.empty());

  const Outcome from_memory = answer(teach(shared));
  const Outcome from_message = answer(teach({values}));

  EXPECT_EQ(std::get<Taught>(from_memory).part.nll, std::get<Taught>(from_message).part.nll);
  EXPECT_EQ(std::get<Taught>(from_memory).part.ids, std::get<Taught>(from_message).part.ids);
}

TEST_F(SecondMember, SaysThatItCannotSeeTheStatesAndGoesOn) {
  const SharedStates nowhere{.slot = 0, .place = {.pid = ::getpid(), .descriptor = 1 << 20, .token = 1}, .values = 256};

  EXPECT_TRUE(std::holds_alternative<Unseen>(answer(teach({{}, nowhere}))));

  EXPECT_TRUE(std::holds_alternative<Taught>(answer(teach({states()}))));
}

}  // namespace
}  // namespace pare::test
