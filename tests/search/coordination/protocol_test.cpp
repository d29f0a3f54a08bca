// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/protocol.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "kernels/core/error.hpp"
#include "kernels/core/philox.hpp"
#include "tests/kernels/random_matrix.hpp"

namespace pare::test {
namespace {

using namespace pare::search;

TEST(Protocol, CarriesALease) {
  const SharedStates shared{.slot = 1, .place = {.pid = 4711, .descriptor = 9, .token = 77}, .values = 1000};
  const Evaluate lease{.set = WindowSet::holdout,
                       .begin = 3,
                       .count = 2,
                       .recipes = {{0, 1, 2}, {5, 4, 3}},
                       .states = {{0.5f, -2.0f}, shared},
                       .slot = 3};

  const NumberedTask task = decode_task(encode(NumberedTask{17, lease}));

  EXPECT_EQ(task.number, 17u);
  const auto& received = std::get<Evaluate>(task.task);
  EXPECT_EQ(received.set, WindowSet::holdout);
  EXPECT_EQ(received.begin, 3);
  EXPECT_EQ(received.count, 2);
  EXPECT_EQ(received.recipes, lease.recipes);
  EXPECT_EQ(received.states.values, lease.states.values);
  EXPECT_EQ(received.states.shared, shared);
  EXPECT_EQ(received.slot, 3U);
}

TEST(Protocol, RefusesASlotThatIsNone) {
  const auto bytes = encode(NumberedTask{1, Teach{.slot = handover_slots}});

  EXPECT_THAT([&] { decode_task(bytes); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("message is damaged: no slot 4")));
}

/// Statistics of two inputs over three tokens in two windows.
framework::ActivationStatistics small_statistics() {
  framework::ActivationStatistics statistics(2);
  const std::vector<float> x{1.0f, -2.0f, 0.5f, 3.0f, -0.25f, 0.0f};
  statistics.add({x.data(), 2, 2});
  statistics.add({x.data() + 4, 1, 2});
  return statistics;
}

std::vector<Outcome> all_outcomes() {
  StageCalibrated calibrated;
  calibrated.parts.push_back({3, 0, small_statistics()});
  calibrated.parts.push_back({4, 2, framework::ActivationStatistics(5)});  // a lane without windows
  std::vector<Outcome> outcomes;
  outcomes.emplace_back(GeneratedText{{1, 2, 3}});
  outcomes.emplace_back(Ready{});
  outcomes.emplace_back(std::move(calibrated));
  outcomes.emplace_back(SiteBuilt{{{std::byte{7}}, {{0.5, 2.0}}, {{1, "no scale"}}}});
  outcomes.emplace_back(Taught{{{1}, {-0.5f}, {1.5}}});
  outcomes.emplace_back(Evaluated{{0.25}, {2.0}, 10, 14});
  outcomes.emplace_back(Failed{FailureKind::crash, "killed by signal 9"});
  outcomes.emplace_back(Alive{});
  outcomes.emplace_back(Hello{"build", "isa", "model", "node7", 4711, {"0000:17:00.0 of node7"}, 4});
  outcomes.emplace_back(Passed{{{1.5f, -0.25f}}, 3, 4});
  outcomes.emplace_back(Unseen{});
  outcomes.emplace_back(MemberLost{"rank 3 is gone"});
  return outcomes;
}

TEST(Protocol, CarriesEveryOutcome) {
  std::vector<Outcome> outcomes = all_outcomes();
  ASSERT_EQ(outcomes.size(), std::variant_size_v<Outcome>);

  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    EXPECT_EQ(outcomes[i].index(), i);
    const Reply reply = decode_reply(encode(Reply{i, 0.5, std::move(outcomes[i])}));
    EXPECT_EQ(reply.number, i);
    EXPECT_EQ(reply.seconds, 0.5);
    ASSERT_EQ(reply.outcome.index(), i);
    if (const auto* evaluated = std::get_if<Evaluated>(&reply.outcome)) {
      EXPECT_THAT(evaluated->kl, testing::ElementsAre(0.25));
      EXPECT_EQ(evaluated->stage_runs_separate, 14);
    }
    if (const auto* failed = std::get_if<Failed>(&reply.outcome)) {
      EXPECT_EQ(failed->kind, FailureKind::crash);
      EXPECT_EQ(failed->text, "killed by signal 9");
    }
    if (const auto* passed = std::get_if<Passed>(&reply.outcome)) {
      EXPECT_THAT(passed->states.values, testing::ElementsAre(1.5f, -0.25f));
      EXPECT_EQ(passed->stage_runs, 3);
      EXPECT_EQ(passed->stage_runs_separate, 4);
    }
    if (const auto* lost = std::get_if<MemberLost>(&reply.outcome)) {
      EXPECT_EQ(lost->text, "rank 3 is gone");
    }
    if (const auto* hello = std::get_if<Hello>(&reply.outcome)) {
      EXPECT_EQ(std::tie(hello->build, hello->isa, hello->model, hello->host),
                std::make_tuple("build", "isa", "model", "node7"));
      EXPECT_EQ(hello->pid, 4711);
      EXPECT_THAT(hello->gpus, testing::ElementsAre("0000:17:00.0 of node7"));
      EXPECT_EQ(hello->processes, 4);
    }
  }
}

TEST(Protocol, CarriesEveryTask) {
  const std::vector<Task> tasks{GenerateText{1, 2},
                                UseText{"t"},
                                CalibrateStage{5, 2, 3},
                                UseCalibration{"c"},
                                BuildSite{9},
                                UseBank{"b"},
                                Teach{},
                                UseTeacher{"e"},
                                Evaluate{},
                                Stop{},
                                Echo{}};
  ASSERT_EQ(tasks.size(), std::variant_size_v<Task>);

  for (std::size_t i = 0; i < tasks.size(); ++i) {
    EXPECT_EQ(tasks[i].index(), i);
    EXPECT_EQ(decode_task(encode(NumberedTask{i, tasks[i]})).task.index(), i);
  }
  const NumberedTask calibrate = decode_task(encode(NumberedTask{0, tasks[2]}));
  EXPECT_EQ(std::get<CalibrateStage>(calibrate.task).stage, 5U);
  EXPECT_EQ(std::get<CalibrateStage>(calibrate.task).first_lane, 2);
  EXPECT_EQ(std::get<CalibrateStage>(calibrate.task).lanes, 3);
  EXPECT_EQ(std::get<UseCalibration>(decode_task(encode(NumberedTask{0, tasks[3]})).task).file, "c");
}

TEST(Protocol, CarriesStatisticsToTheBit) {
  const framework::ActivationStatistics sent = small_statistics();

  const Reply reply = decode_reply(encode(Reply{1, 0.5, std::move(all_outcomes()[2])}));

  const auto& parts = std::get<StageCalibrated>(reply.outcome).parts;
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].lane, 3);
  EXPECT_EQ(parts[0].reader, 0U);
  EXPECT_EQ(parts[1].lane, 4);
  EXPECT_EQ(parts[1].reader, 2U);
  EXPECT_EQ(parts[1].statistics.inputs(), 5);
  EXPECT_EQ(parts[1].statistics.tokens(), 0);
  const framework::ActivationStatistics::State& received = parts[0].statistics.state();
  EXPECT_TRUE(same_bits(received.hessian.view(), sent.hessian()));
  EXPECT_EQ(received.sums_of_squares, sent.state().sums_of_squares);
  EXPECT_EQ(received.sums_of_magnitudes, sent.state().sums_of_magnitudes);
  EXPECT_EQ(received.min, sent.state().min);
  EXPECT_EQ(received.max, sent.state().max);
  EXPECT_EQ(received.window_maxima, sent.state().window_maxima);
  EXPECT_EQ(received.histogram, sent.histogram());
  EXPECT_EQ(received.tokens, 3);
}

TEST(Protocol, RefusesEveryTruncation) {
  const auto bytes = encode(NumberedTask{1, Evaluate{WindowSet::search, 0, 1, {{0, 1}, {1, 0}}}});

  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(decode_task(std::span(bytes).first(size)), std::runtime_error) << size;
  }
}

TEST(Protocol, RefusesTrailingBytesAndOtherVersions) {
  auto bytes = encode(NumberedTask{1, BuildSite{3}});
  bytes.push_back(std::byte{0});
  EXPECT_THROW(decode_task(bytes), std::runtime_error);

  bytes.pop_back();
  bytes[0] = std::byte{99};
  EXPECT_THROW(decode_task(bytes), std::runtime_error);
}

TEST(Protocol, RefusesAKindOfFailureThatThereIsNot) {
  auto bytes = encode(Reply{1, 0.5, Failed{FailureKind::fault, ""}});
  bytes[bytes.size() - 5] = std::byte{6};

  EXPECT_THAT([&] { decode_reply(bytes); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("kind of failure 6")));
}

TEST(Protocol, SurvivesRandomDamage) {
  std::vector<std::vector<std::byte>> messages;
  for (Outcome& outcome : all_outcomes()) messages.push_back(encode(Reply{1, 0.5, std::move(outcome)}));
  messages.push_back(
      encode(Reply{1, 0.5, Taught{{std::vector<std::uint32_t>(40, 7), std::vector<float>(40, -1.f), {2.0}}}}));

  for (std::uint64_t round = 0; round < 40000; ++round) {
    const auto random = kernels::philox4x32({static_cast<std::uint32_t>(round), 0, 0, 0}, {1, 2});
    auto bytes = messages[round % messages.size()];
    const std::size_t reach = round % 2 == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 200);  // the sizes
    bytes[random[0] % reach] ^= static_cast<std::byte>(1u << (random[1] % 8));
    bytes.resize(bytes.size() - (random[2] % 3 == 0 ? random[3] % bytes.size() : 0));
    try {
      decode_reply(bytes);
    } catch (const std::runtime_error&) {
    }
  }
}

/// The counts of a histogram are 64-bit numbers that are added up.
TEST(Protocol, RefusesHistogramsWithMoreValuesThanThereCanBe) {
  framework::ActivationStatistics::State state;
  state.hessian.reshape(1, 1);
  state.hessian.row(0)[0] = 1.0f;
  state.sums_of_squares = state.sums_of_magnitudes = {1.0};
  state.min = state.max = {1.0f};
  StageCalibrated calibrated;
  calibrated.parts.push_back({0, 0, framework::ActivationStatistics(std::move(state))});
  auto bytes = encode(Reply{1, 0.5, std::move(calibrated)});
  const std::size_t end = bytes.size() - 2 * sizeof(double) - 2 * sizeof(float) - sizeof(std::int64_t);
  for (const std::size_t back : {1U, 2U}) bytes[end - 8 * back + 7] = std::byte{0x7f};

  EXPECT_THROW(decode_reply(bytes), InputError);
}

}  // namespace
}  // namespace pare::test
