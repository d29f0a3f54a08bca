// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/worker_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <exception>
#include <functional>
#include <thread>
#include <utility>

#include "search/coordination/state_handover.hpp"
#include "search/coordination/task_failure.hpp"
#include "search/coordination/task_parts.hpp"

namespace pare::test {
namespace {

using namespace search;
using framework::Channel;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(TaskParts, PutTheAnswersTogetherByRecipeAndWindow) {
  const Task task = Evaluate{.set = WindowSet::holdout, .begin = 4, .count = 3, .recipes = {{0}, {1}, {2}}};

  const auto parts = cut(task, 2, 2);
  std::vector<Outcome> answers;
  // A loss is the recipe's number before the window's.
  answers.emplace_back(
      Evaluated{.kl = {4, 5, 14, 15}, .nll = {-4, -5, -14, -15}, .stage_runs = 3, .stage_runs_separate = 5});
  answers.emplace_back(Evaluated{.kl = {24, 25}, .nll = {-24, -25}, .stage_runs = 1, .stage_runs_separate = 2});
  answers.emplace_back(Evaluated{.kl = {6, 16}, .nll = {-6, -16}, .stage_runs = 1, .stage_runs_separate = 1});
  answers.emplace_back(Evaluated{.kl = {26}, .nll = {-26}, .stage_runs = 1, .stage_runs_separate = 1});
  const Outcome whole = join(task, parts, answers);

  ASSERT_EQ(parts.size(), 4u);
  const auto last = std::get<Evaluate>(part_of(task, parts[3]));
  EXPECT_EQ(last.begin, 6);
  EXPECT_EQ(last.count, 1);
  EXPECT_EQ(last.set, WindowSet::holdout);
  EXPECT_THAT(last.recipes, ElementsAre(Recipe{2}));
  const auto& values = std::get<Evaluated>(whole);
  EXPECT_THAT(values.kl, ElementsAre(4, 5, 6, 14, 15, 16, 24, 25, 26));
  EXPECT_THAT(values.nll, ElementsAre(-4, -5, -6, -14, -15, -16, -24, -25, -26));
  EXPECT_TRUE(values.wrong.empty());
  EXPECT_EQ(values.stage_runs, 6);
  EXPECT_EQ(values.stage_runs_separate, 9);
}

TEST(TaskParts, PutRightAndWrongAnswersTogetherLikewise) {
  const Task task = Evaluate{.set = WindowSet::search, .begin = 0, .count = 2, .recipes = {{0}, {1}}};

  std::vector<Outcome> answers;
  answers.emplace_back(Evaluated{.kl = {0, 0}, .nll = {0, 0}, .wrong = {1, 0}});
  answers.emplace_back(Evaluated{.kl = {0, 0}, .nll = {0, 0}, .wrong = {0, 1}});

  EXPECT_THAT(std::get<Evaluated>(join(task, cut(task, 2, 1), answers)).wrong, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(std::get<Evaluated>(join(task, cut(task, 1, 2), answers)).wrong, ElementsAre(1, 0, 0, 1));
}

/// A member's end of its line: answers tasks in a thread until Stop; without an answer it is silent after its first words.
class Member {
 public:
  using Answer = std::function<Outcome(const Task&)>;

  Member(Channel& group, const std::string& model, const Answer& answer, bool heartbeats) {
    group.send(encode(Reply{0, 0, Hello{"build", "isa", model, "node", ::getpid(), {"a GPU"}}}));
    if (heartbeats) group.send(encode(Reply{0, 0, Alive{}}));
    if (!answer) return;
    thread_ = std::jthread([&group, answer] {
      try {
        while (true) {
          const NumberedTask task = decode_task(group.receive());
          if (std::holds_alternative<Stop>(task.task)) return;
          if (std::holds_alternative<Echo>(task.task)) continue;
          group.send(encode(Reply{task.number, 0.001, answer(task.task)}));
        }
      } catch (const std::exception&) {
        // The group is gone.
      }
    });
  }

 private:
  std::jthread thread_;
};

/// The first of two members: passes for each recipe and window a number of their own.
Outcome pass_windows(const Task& task) {
  const auto* lease = std::get_if<Evaluate>(&task);
  if (lease == nullptr) return Ready{};
  Passed passed{.states = {{}}, .stage_runs = 1, .stage_runs_separate = 2};
  for (const Recipe& recipe : lease->recipes) {
    for (std::int64_t w = 0; w < lease->count; ++w)
      passed.states.values.push_back(static_cast<float>(100 * recipe[0] + lease->begin + w));
  }
  return passed;
}

/// The same in memory that it shares.
Member::Answer share_windows(StateHandover& handover) {
  return [&handover](const Task& task) -> Outcome {
    Outcome outcome = pass_windows(task);
    if (auto* passed = std::get_if<Passed>(&outcome)) {
      const std::vector<float> values = std::exchange(passed->states.values, {});
      std::ranges::copy(values, handover.room(std::get<Evaluate>(task).slot, values.size()).begin());
      passed->states = handover.give();
    }
    return outcome;
  };
}

/// The second: the losses of a window are the state that came for it and its negative. No finite loss at window 7.
Outcome score(const Task& task, std::span<const float> states) {
  if (!std::holds_alternative<Evaluate>(task)) return Ready{};
  Evaluated evaluated{.kl = {}, .nll = {}, .stage_runs = 10, .stage_runs_separate = 10};
  for (const float state : states) {
    if (state == 7) return Failed{FailureKind::evaluation, "a loss is not a finite number"};
    evaluated.kl.push_back(state);
    evaluated.nll.push_back(-state);
  }
  return evaluated;
}

Outcome score_states(const Task& task) {
  const auto* lease = std::get_if<Evaluate>(&task);
  return score(task, lease == nullptr ? std::span<const float>() : lease->states.values);
}

class WorkerGroups : public ::testing::Test {
 protected:
  void make(const Member::Answer& first, const Member::Answer& second, const std::string& second_model = "model",
            std::chrono::milliseconds dead = std::chrono::minutes(10), std::int64_t window_bytes = 1) {
    auto [first_line, first_end] = framework::make_thread_channel();
    auto [second_line, second_end] = framework::make_thread_channel();
    ends_.push_back(std::move(first_end));
    ends_.push_back(std::move(second_end));
    members_.emplace_back(*ends_[0], "model", first, false);
    members_.emplace_back(*ends_[1], second_model, second, true);
    std::vector<WorkerGroup::Member> lines;
    lines.push_back({std::move(first_line), "rank 0"});
    lines.push_back({std::move(second_line), "rank 1"});
    group_ = std::make_unique<WorkerGroup>(std::move(lines),
                                           WorkerGroupSettings{.window_bytes = window_bytes, .dead = dead});
  }
  void TearDown() override { group_->send(encode(NumberedTask{0, Stop{}})); }

  Reply next() { return decode_reply(group_->receive()); }
  Hello hello() { return std::get<Hello>(next().outcome); }
  void send(std::uint64_t number, const Task& task) { group_->send(encode(NumberedTask{number, task})); }

  std::vector<std::unique_ptr<Channel>> ends_;  // first: they outlive the threads that use them
  std::deque<Member> members_;
  std::unique_ptr<WorkerGroup> group_;
};

Evaluate lease(std::int64_t begin, std::int64_t count) {
  return {.set = WindowSet::search, .begin = begin, .count = count, .recipes = {{0}}};
}

TEST_F(WorkerGroups, LeadEveryWindowThroughAllMembers) {
  make(pass_windows, score_states);
  const Hello introduction = hello();
  EXPECT_EQ(introduction.processes, 2);
  EXPECT_THAT(introduction.gpus, ElementsAre("a GPU", "a GPU"));

  send(5, lease(10, 5));
  send(6, lease(20, 1));

  const Reply first = next();
  EXPECT_EQ(first.number, 5u);
  const auto& values = std::get<Evaluated>(first.outcome);
  EXPECT_THAT(values.kl, ElementsAre(10, 11, 12, 13, 14));
  EXPECT_THAT(values.nll, ElementsAre(-10, -11, -12, -13, -14));
  EXPECT_EQ(values.stage_runs, 22) << "two parts, each at both members";
  EXPECT_EQ(values.stage_runs_separate, 24);
  const Reply second = next();
  EXPECT_EQ(second.number, 6u);
  EXPECT_THAT(std::get<Evaluated>(second.outcome).kl, ElementsAre(20));
}

constexpr std::int64_t a_part_each = std::int64_t{1} << 40;  ///< bytes of a window
constexpr auto never = std::chrono::minutes(10);

TEST_F(WorkerGroups, LetAMemberReadTheStatesInMemoryThatTheOneBeforeShares) {
  StateHandover first(framework::CopiedBy::processor), second(framework::CopiedBy::processor);
  const auto late = [&](const Task& task) -> Outcome {
    const auto* lease = std::get_if<Evaluate>(&task);
    if (lease == nullptr) return Ready{};
    if (!lease->states.values.empty()) return Failed{FailureKind::fault, "the states came in a message"};
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // the first could be many parts ahead
    return score(task, second.take(lease->states));
  };
  make(share_windows(first), late, "model", never, a_part_each);
  hello();

  send(5, lease(10, 20));

  const Reply reply = next();
  ASSERT_TRUE(std::holds_alternative<Evaluated>(reply.outcome));
  for (std::int64_t w = 0; w < 20; ++w)
    EXPECT_EQ(std::get<Evaluated>(reply.outcome).kl[static_cast<std::size_t>(w)], static_cast<double>(10 + w));
}

TEST_F(WorkerGroups, CutALeaseWhoseStatesTakeTooMuchMemory) {
  std::atomic<std::size_t> most{0};
  const auto counting = [&](const Task& task) {
    if (const auto* lease = std::get_if<Evaluate>(&task)) most = std::max(most.load(), lease->recipes.size());
    return pass_windows(task);
  };
  make(counting, score_states, "model", never, std::int64_t{128} << 20);
  hello();
  Evaluate large = lease(10, 2);
  large.recipes = {{0}, {1}, {2}, {3}, {4}};

  send(5, large);

  EXPECT_THAT(std::get<Evaluated>(next().outcome).kl, ElementsAre(10, 11, 110, 111, 210, 211, 310, 311, 410, 411));
  EXPECT_EQ(most, 2U) << "of 128 MiB each";
}

TEST_F(WorkerGroups, SendTheStatesWhereTheNextMemberCannotSeeThem) {
  StateHandover first(framework::CopiedBy::processor);
  std::atomic<int> unseen{0};
  const auto blind = [&](const Task& task) -> Outcome {
    const auto* lease = std::get_if<Evaluate>(&task);
    if (lease == nullptr || !lease->states.shared) return score_states(task);
    ++unseen;
    return Unseen{};
  };
  make(share_windows(first), blind, "model", never, a_part_each);
  hello();

  send(5, lease(10, 20));
  EXPECT_EQ(std::get<Evaluated>(next().outcome).kl.size(), 20U);
  const int at_first = unseen;
  send(6, lease(30, 3));

  EXPECT_THAT(std::get<Evaluated>(next().outcome).kl, ElementsAre(30, 31, 32));
  EXPECT_THAT(at_first, testing::AllOf(testing::Ge(1), testing::Le(static_cast<int>(handover_slots))));
  EXPECT_EQ(unseen, at_first) << "it learned";
}

TEST_F(WorkerGroups, GoOnSharingAfterAMemberBeganAnew) {
  // The part whose states went with the first evaluator of the first member begins again, and nothing else changes.
  StateHandover first(framework::CopiedBy::processor), second(framework::CopiedBy::processor);
  std::atomic<bool> anew{false}, gone{false}, in_message{false};
  const auto beginning_anew = [&, share = share_windows(first)](const Task& task) {
    if (std::holds_alternative<Evaluate>(task) && !anew.exchange(true))
      ends_[0]->send(encode(Reply{0, 0, Hello{"build", "isa", "model", "node", ::getpid() + 1, {"a GPU"}}}));
    return share(task);
  };
  const auto reading = [&](const Task& task) -> Outcome {
    const auto* lease = std::get_if<Evaluate>(&task);
    if (lease == nullptr) return Ready{};
    in_message = in_message || !lease->states.values.empty();
    if (!gone.exchange(true)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the group has heard of it
      return Unseen{};
    }
    return score(task, second.take(lease->states));
  };
  make(beginning_anew, reading);
  hello();

  send(5, lease(10, 6));

  EXPECT_EQ(hello().pid, ::getpid() + 1);
  EXPECT_THAT(std::get<Evaluated>(next().outcome).kl, ElementsAre(10, 11, 12, 13, 14, 15));
  EXPECT_FALSE(in_message);
}

TEST_F(WorkerGroups, FailATaskOfWhichAPartFailsAndGoOn) {
  make(pass_windows, score_states);
  hello();

  send(5, lease(4, 8));
  send(6, lease(20, 2));

  const Reply failed = next();
  EXPECT_EQ(failed.number, 5u);
  ASSERT_TRUE(std::holds_alternative<Failed>(failed.outcome));
  EXPECT_EQ(std::get<Failed>(failed.outcome).kind, FailureKind::evaluation);
  EXPECT_THAT(std::get<Evaluated>(next().outcome).kl, ElementsAre(20, 21));
}

TEST_F(WorkerGroups, FailATaskWhenAMemberAnswersAnotherOne) {
  make([](const Task&) { return Ready{}; }, score_states);
  hello();

  send(5, lease(0, 2));

  const Reply reply = next();
  ASSERT_TRUE(std::holds_alternative<Failed>(reply.outcome));
  EXPECT_THAT(std::get<Failed>(reply.outcome).text, HasSubstr("rank 0 gave an answer that does not fit"));
}

TEST_F(WorkerGroups, TellAllMembersOfTheTextBeforeAnythingElse) {
  std::atomic<int> told{0};
  const auto telling = [&](const Member::Answer& answer) {
    return [&told, answer](const Task& task) -> Outcome {
      if (std::holds_alternative<UseText>(task)) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ++told;
      } else if (told != 2) {
        return Failed{FailureKind::fault, "too early"};
      }
      return answer(task);
    };
  };
  make(telling(pass_windows), telling(score_states));
  hello();

  send(1, UseText{"text"});
  send(2, lease(0, 2));

  EXPECT_TRUE(std::holds_alternative<Ready>(next().outcome));
  EXPECT_TRUE(std::holds_alternative<Evaluated>(next().outcome));
}

TEST_F(WorkerGroups, CompressLayersAtAllMembers) {
  std::array<std::atomic<int>, 2> built{0, 0};
  const auto building = [&](std::size_t member) {
    return [&built, member](const Task& task) -> Outcome {
      if (!std::holds_alternative<BuildSite>(task)) return Ready{};
      ++built[member];
      while (built[1 - member] == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      return SiteBuilt{};
    };
  };
  make(building(0), building(1));
  hello();

  send(1, BuildSite{0});
  send(2, BuildSite{1});

  EXPECT_TRUE(std::holds_alternative<SiteBuilt>(next().outcome));
  EXPECT_TRUE(std::holds_alternative<SiteBuilt>(next().outcome));
  EXPECT_EQ(built[0], 1);
  EXPECT_EQ(built[1], 1);
}

TEST_F(WorkerGroups, ShowTheCoordinatorTheMemberThatDiffers) {
  make(pass_windows, score_states, "another model");

  EXPECT_EQ(hello().model, "another model");
}

TEST_F(WorkerGroups, EndWhenAMemberIsSilentForTooLong) {
  make(pass_windows, {}, "model", std::chrono::milliseconds(100));
  hello();

  const Reply reply = next();
  ASSERT_TRUE(std::holds_alternative<MemberLost>(reply.outcome));
  EXPECT_THAT(std::get<MemberLost>(reply.outcome).text, HasSubstr("rank 1 is gone: it has been silent"));
  send(5, lease(0, 2));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(group_->try_receive(), std::nullopt);
}

}  // namespace
}  // namespace pare::test
