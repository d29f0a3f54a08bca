// SPDX-License-Identifier: Apache-2.0
// The rules of scheduler.hpp, one by one, on workers in simulated time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>

#include "kernels/core/error.hpp"
#include "search/bench/simulated_crew.hpp"
#include "search/coordination/scheduler.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using namespace pare::search;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;
using Action = SimulatedCrew::Action;
using Kind = Action::Kind;

Action answer(const Task& task, double seconds = 1) {
  if (const auto* lease = std::get_if<Evaluate>(&task)) return {Kind::answer, seconds, made_up_losses(*lease)};
  if (const auto* build = std::get_if<BuildSite>(&task))
    return {Kind::answer, seconds, SiteBuilt{{std::vector<std::byte>(build->site), {}}}};
  return {Kind::answer, seconds, Ready{}};
}
Action fail(FailureKind kind, const std::string& text) {
  return {Kind::answer, 1, Failed{kind, text}};
}
Action wrong_losses(const Task& task, double seconds = 1) {
  Evaluated losses = made_up_losses(std::get<Evaluate>(task));
  losses.kl.back() += 1e-12;
  return {Kind::answer, seconds, std::move(losses)};
}
bool holds(const Task& task, const Recipe& recipe) {
  const auto* lease = std::get_if<Evaluate>(&task);
  return lease != nullptr && std::ranges::find(lease->recipes, recipe) != lease->recipes.end();
}

/// A scheduler over simulated workers, and what became of a batch of evaluations.
struct World {
  World(std::size_t workers, SimulatedCrew::Script script,
        const std::function<std::optional<Hello>(std::size_t)>& hello = {},
        std::optional<Hello> expected = std::nullopt)
      : crew(workers, std::move(script), SimulatedCrew::Time::simulated, hello), coordinator(std::move(expected)) {}

  Scheduler& scheduler() {
    if (!made) {
      made = std::make_unique<Scheduler>(crew.take_channels(),
                                         SchedulerSetup{.cluster = cluster,
                                                        .self = coordinator,
                                                        .say = [this](const std::string& line) { said += line + "\n"; },
                                                        .clock = crew.clock()});
    }
    return *made;
  }

  /// Evaluates `count` recipes that differ in the last sites on four windows.
  void evaluate(int count) {
    std::vector<Recipe> recipes;
    for (int r = 0; r < count; ++r) recipes.push_back(recipe(r));
    scheduler().evaluate(
        space, {.stages = 8, .max_windows = 100}, {{WindowSet::search, 0, 4, recipes}},
        [&](const Evaluate& lease, const Evaluated& result) {
          EXPECT_TRUE(same_answer(result, made_up_losses(lease)));
          for (const Recipe& each : lease.recipes) windows[each] += lease.count;
        },
        [&](const Recipe& each, const std::string& why) { poisoned[each] = why; });
  }
  void expect_all_but_poisoned(int count) const {
    for (int r = 0; r < count; ++r) {
      if (poisoned.contains(recipe(r))) continue;
      EXPECT_EQ(windows.at(recipe(r)), 4) << r;
    }
  }
  static Recipe recipe(int r) { return {0, 1, static_cast<std::uint8_t>(r / 3 % 3), static_cast<std::uint8_t>(r % 3)}; }

  SimulatedCrew crew;
  std::optional<Hello> coordinator;
  ClusterSettings cluster;
  SearchSpace space = small_space(4, {2, 3, 4});
  std::unique_ptr<Scheduler> made;
  std::string said;
  std::map<Recipe, std::int64_t> windows;
  std::map<Recipe, std::string> poisoned;
};

TEST(SchedulerFaults, TasksOfABrokenLineGoToOthers) {
  World world(3, [](std::size_t worker, std::int64_t nth, const Task& task) {
    return worker == 1 && nth == 1 ? Action{Kind::die, 0.5, {}} : answer(task);
  });

  world.evaluate(9);

  world.expect_all_but_poisoned(9);
  EXPECT_THAT(world.poisoned, IsEmpty());
  EXPECT_THAT(world.said, HasSubstr("worker 1 is lost"));
  EXPECT_EQ(world.scheduler().workers(), 2U);
  EXPECT_EQ(world.scheduler().statistics().workers[1].state, WorkerState::lost);
}

TEST(SchedulerFaults, ASilentWorkerIsLostAndOneThatBeatsAtALongTaskIsNot) {
  World world(2, [](std::size_t worker, std::int64_t, const Task& task) {
    return worker == 0 ? Action{Kind::fall_silent, 1, {}} : answer(task, 300);
  });
  world.crew.beat_every(5);
  std::size_t came_back = 0;
  world.scheduler().set_on_round([&](std::size_t tasks) { came_back += tasks; });

  world.evaluate(2);

  world.expect_all_but_poisoned(2);
  EXPECT_EQ(came_back, world.crew.tasks(1)) << "signs of life are no progress";
  EXPECT_THAT(world.said, HasSubstr("worker 0 is lost: it has been silent for 6"));
  EXPECT_FALSE(world.crew.stopped(0));
  EXPECT_EQ(world.scheduler().workers(), 1U);
}

TEST(SchedulerFaults, AllWorkersGoneEndTheRunWithOneLine) {
  World world(2, [](std::size_t, std::int64_t, const Task&) { return Action{Kind::die, 1, {}}; });

  EXPECT_THAT([&] { world.evaluate(4); }, ThrowsMessage<TooManyFailures>(HasSubstr("no worker is left")));
}

TEST(SchedulerFaults, ACandidateThatCrashesTwoWorkersIsPoisonedAndNoOther) {
  World world(3, [](std::size_t worker, std::int64_t, const Task& task) {
    return holds(task, World::recipe(4)) ? fail(FailureKind::crash, "signal 11 on " + std::to_string(worker))
                                         : answer(task);
  });

  world.evaluate(9);

  world.expect_all_but_poisoned(9);
  ASSERT_EQ(world.poisoned.size(), 1U);
  EXPECT_THAT(world.poisoned.at(World::recipe(4)), HasSubstr("signal 11 on "));
  EXPECT_THAT(world.poisoned.at(World::recipe(4)), HasSubstr("; then on worker "));
  EXPECT_EQ(world.scheduler().workers(), 3U);
}

TEST(SchedulerFaults, ASingleWorkerMayFailTwiceAndStays) {
  World world(1, [](std::size_t, std::int64_t, const Task& task) {
    return holds(task, World::recipe(1)) || holds(task, World::recipe(5)) ? fail(FailureKind::evaluation, "not finite")
                                                                          : answer(task);
  });

  world.evaluate(9);

  world.expect_all_but_poisoned(9);
  EXPECT_EQ(world.poisoned.size(), 2U);
}

TEST(SchedulerFaults, ATaskThatFailsOnceIsDoneElsewhere) {
  for (const FailureKind kind : {FailureKind::memory, FailureKind::fault}) {
    World world(2, [&](std::size_t, std::int64_t nth, const Task& task) {
      return nth == 0 ? fail(kind, "out of luck") : answer(task);
    });
    std::vector<int> seen(8, 0);
    std::vector<Task> tasks;
    for (std::uint64_t n = 0; n < 8; ++n) tasks.push_back(BuildSite{n});

    world.scheduler().run(tasks, [&](std::size_t index, search::Outcome&) { ++seen[index]; });

    EXPECT_THAT(seen, testing::Each(1));
    EXPECT_EQ(world.scheduler().statistics().retries, 2);
  }
}

TEST(SchedulerFaults, ATaskThatFailsTwiceEndsTheCallWithBothTexts) {
  World world(3, [](std::size_t worker, std::int64_t, const Task& task) {
    return std::get<BuildSite>(task).site == 2 ? fail(FailureKind::fault, "reason " + std::to_string(worker))
                                               : answer(task);
  });
  const std::vector<Task> tasks{BuildSite{0}, BuildSite{1}, BuildSite{2}, BuildSite{3}};

  EXPECT_THAT([&] { world.scheduler().run(tasks, [](std::size_t, search::Outcome&) {}); },
              ThrowsMessage<std::runtime_error>(testing::ContainsRegex("reason .; then on worker .: reason .")));
}

TEST(SchedulerFaults, WorkerLossesAreNotHeldAgainstACandidateUntilThreeOfThem) {
  World world(5, [](std::size_t, std::int64_t, const Task& task) {
    return holds(task, World::recipe(3)) ? Action{Kind::die, 1, {}} : answer(task);
  });

  world.evaluate(9);

  world.expect_all_but_poisoned(9);
  ASSERT_EQ(world.poisoned.size(), 1U);
  EXPECT_THAT(world.poisoned.at(World::recipe(3)), HasSubstr("3 workers were lost"));
}

TEST(SchedulerFaults, AWorkerThatFailsWhatOthersCanDoIsQuarantined) {
  World world(3, [](std::size_t worker, std::int64_t, const Task& task) {
    return worker == 2 ? fail(FailureKind::fault, "broken fan") : answer(task);
  });

  for (int round = 0; round < 8; ++round) world.evaluate(9);

  EXPECT_THAT(world.poisoned, IsEmpty());
  EXPECT_THAT(world.said, HasSubstr("worker 2 gets no more work: 3 tasks in a row failed on it"));
  EXPECT_EQ(world.scheduler().workers(), 2U);
  EXPECT_FALSE(world.crew.stopped(2));  // a rank that leaves before the others is a fault to its launcher
  world.made.reset();
  EXPECT_TRUE(world.crew.stopped(2));
}

TEST(SchedulerFaults, ManyFailuresEndTheRun) {
  World world(4, [](std::size_t, std::int64_t, const Task&) { return fail(FailureKind::crash, "no driver"); });

  EXPECT_THAT([&] { world.evaluate(9); }, ThrowsMessage<TooManyFailures>(HasSubstr("no driver")));
}

TEST(SchedulerFaults, ALateTaskIsDoneByAnotherAndItsSecondAnswerDropped) {
  World world(2, [](std::size_t worker, std::int64_t nth, const Task& task) {
    return answer(task, worker == 0 && nth == 30 ? 100 : 0.1);
  });

  for (int round = 0; round < 10; ++round) world.evaluate(9);
  const double half = world.crew.seconds();
  for (int round = 0; round < 100; ++round) world.evaluate(9);

  const SchedulerStatistics statistics = world.scheduler().statistics();
  EXPECT_GE(statistics.late_leases, 1);
  EXPECT_GE(statistics.duplicates, 1);
  EXPECT_GT(half, 60);
  EXPECT_LT(half, 100);
  EXPECT_EQ(world.scheduler().workers(), 2U);
  for (int r = 0; r < 9; ++r) EXPECT_EQ(world.windows.at(World::recipe(r)), 4 * 110);
}

TEST(SchedulerFaults, ACandidateThatNeverEndsOnTwoWorkersIsPoisoned) {
  World world(3, [](std::size_t, std::int64_t, const Task& task) {
    return std::get<Evaluate>(task).begin == 0 ? Action{Kind::hang, 0, {}} : answer(task);
  });
  world.cluster.lease_seconds = 100;

  world.evaluate(1);

  EXPECT_THAT(world.poisoned.at(World::recipe(0)), HasSubstr("100 s are the limit"));
  EXPECT_EQ(world.scheduler().workers(), 1U);
}

/// Worker 0 is late with its first lease, so that another worker repeats it.
Action late_and_wrong(std::size_t liar, std::size_t worker, std::int64_t nth, const Task& task) {
  const double seconds = worker == 0 && nth == 0 ? 150 : 1;
  return worker == liar ? wrong_losses(task, seconds) : answer(task, seconds);
}

TEST(SchedulerFaults, AThirdWorkerConvictsALateLiar) {
  World world(
      3, [](std::size_t worker, std::int64_t nth, const Task& task) { return late_and_wrong(0, worker, nth, task); });
  world.cluster.lease_seconds = world.cluster.shortest_deadline_seconds = 100;

  world.evaluate(1);
  for (int round = 0; round < 60; ++round) world.evaluate(1);

  EXPECT_THAT(world.said, HasSubstr("worker 0 gets no more work: it gave other losses than two workers"));
  EXPECT_EQ(world.scheduler().workers(), 2U);
}

TEST(SchedulerFaults, AWrongAnswerInUseEndsTheRun) {
  World world(3, [](std::size_t worker, std::int64_t nth, const Task& task) {
    Action action = answer(task, worker == 0 && nth == 0 ? 150 : 1);
    if (worker == 1 && nth < 20) action = wrong_losses(task);
    return action;
  });
  world.cluster.lease_seconds = world.cluster.shortest_deadline_seconds = 100;
  const auto evaluate = [&] {
    world.scheduler().evaluate(
        world.space, {.stages = 8, .max_windows = 100}, {{WindowSet::search, 0, 4, {World::recipe(0)}}},
        [](const Evaluate&, const Evaluated&) {}, [](const Recipe&, const std::string&) {});
  };

  EXPECT_THAT(
      [&] {
        for (int round = 0; round < 60; ++round) evaluate();
      },
      ThrowsMessage<InternalError>(HasSubstr("gave losses that are in use")));
}

TEST(SchedulerFaults, TheGoldenCheckFindsTheOddWorkerAtTheStart) {
  World world(4, [](std::size_t worker, std::int64_t, const Task& task) {
    return worker == 1 ? wrong_losses(task) : answer(task);
  });

  world.scheduler().check_golden({WindowSet::search, 0, 1, {World::recipe(0)}});

  EXPECT_THAT(world.said, HasSubstr("worker 1 gets no more work: it gives other losses than most workers"));
  EXPECT_EQ(world.scheduler().workers(), 3U);
}

TEST(SchedulerFaults, TwoWorkersThatDifferFromTheStartEndTheRun) {
  World world(2, [](std::size_t worker, std::int64_t, const Task& task) {
    return worker == 1 ? wrong_losses(task) : answer(task);
  });

  EXPECT_THAT(
      [&] {
        world.scheduler().check_golden({WindowSet::search, 0, 1, {World::recipe(0)}});
      },
      ThrowsMessage<InternalError>(HasSubstr("none of the losses has a majority: worker 0, worker 1")));
}

TEST(SchedulerFaults, TheGoldenCheckFindsAWorkerThatGoesWrongLater) {
  const Evaluate golden{WindowSet::holdout, 0, 1, {World::recipe(0)}};
  World world(2, [&](std::size_t worker, std::int64_t nth, const Task& task) {
    const bool is_golden = std::get<Evaluate>(task).set == WindowSet::holdout;
    return worker == 1 && nth > 5 && is_golden ? wrong_losses(task, 10) : answer(task, 10);
  });
  world.scheduler().check_golden(golden);

  for (int round = 0; round < 40; ++round) world.evaluate(9);

  EXPECT_THAT(world.said, HasSubstr("worker 1 gets no more work: it gives other losses than before"));
  EXPECT_GE(world.scheduler().statistics().golden_checks, 4);
}

TEST(SchedulerFaults, AnAnswerThatDoesNotFitIsAFailure) {
  World world(2, [](std::size_t worker, std::int64_t nth, const Task& task) {
    Action action = answer(task);
    if (worker == 0 && nth == 0) std::get<Evaluated>(action.outcome).kl.pop_back();
    if (worker == 1 && nth == 0) std::get<Evaluated>(action.outcome).nll.front() = std::nan("");
    return action;
  });

  world.evaluate(9);

  world.expect_all_but_poisoned(9);
  EXPECT_THAT(world.poisoned, IsEmpty());
  EXPECT_GE(world.scheduler().statistics().retries, 2);
}

TEST(SchedulerFaults, AWorkerLostBetweenTasksForAllIsLeftOut) {
  World world(3, [](std::size_t worker, std::int64_t, const Task& task) {
    return worker == 1 ? Action{Kind::die, 0, {}} : answer(task);
  });

  world.scheduler().run_on_all(UseBank{"bank.h5"});
  world.scheduler().run_on_all(UseTeacher{"teacher.h5"});

  EXPECT_EQ(world.scheduler().workers(), 2U);
  EXPECT_EQ(world.crew.tasks(1), 1);
}

TEST(SchedulerFaults, AWorkerLostWithATaskOfItsOwnIsReported) {
  World world(2, [](std::size_t worker, std::int64_t, const Task& task) {
    return worker == 1 ? Action{Kind::die, 1, {}} : answer(task);
  });
  const std::vector<Task> tasks(2, UseBank{"bank.h5"});

  EXPECT_THAT([&] { world.scheduler().run_on_each(tasks, [](std::size_t, search::Outcome&) {}); },
              ThrowsMessage<WorkerLost>(HasSubstr("worker 1")));
}

const Hello self{"build 1", "avx2", "model a", "node1", 1};

TEST(SchedulerFaults, WorkersOfAnotherBuildInstructionSetOrModelAreRefusedByName) {
  const std::vector<std::pair<Hello, std::string>> foreign{
      {{"build 2", "avx2", "model a", "node7", 7}, "worker 1 (node7, pid 7) runs another pare (build 2)"},
      {{"build 1", "avx512", "model a", "node7", 7},
       "worker 1 (node7, pid 7) computes with avx512, the coordinator on node1"},
      {{"build 1", "avx2", "model b", "node7", 7}, "worker 1 (node7, pid 7) reads another model (hash model b)"}};
  for (const auto& [hello, text] : foreign) {
    World world(
        3, [](std::size_t, std::int64_t, const Task& task) { return answer(task); },
        [&](std::size_t worker) { return worker == 1 ? hello : self; }, self);

    EXPECT_THAT([&] { world.scheduler(); }, ThrowsMessage<InputError>(HasSubstr(text)));
    for (const std::size_t worker : {0U, 1U, 2U}) EXPECT_TRUE(world.crew.stopped(worker));
  }
}

TEST(SchedulerFaults, WorkersThatShareAGpuAreNamedInOneLine) {
  World world(
      4, [](std::size_t, std::int64_t, const Task& task) { return answer(task); },
      [&](std::size_t worker) {
        Hello hello = self;
        hello.host = worker == 3 ? "node2" : "node1";  // where another GPU has the same address
        hello.gpus = {(worker == 0 ? "0000:17:00.0 of " : "0000:65:00.0 of ") + hello.host};
        if (worker == 0) hello.gpus.push_back(hello.gpus.front());  // of another rank
        return std::optional(hello);
      },
      self);

  world.scheduler();

  EXPECT_THAT(world.said,
              testing::StrEq("warning: ranks of worker 0 share one GPU (0000:17:00.0 of node1), which makes them "
                             "slower than one: start a rank a GPU\n"
                             "warning: workers 1, 2 share one GPU (0000:65:00.0 of node1), which makes them "
                             "slower than one: start a rank a GPU\n"));
}

TEST(SchedulerFaults, AWorkerThatNeverReportsIsLeftOut) {
  World world(
      2, [](std::size_t, std::int64_t, const Task& task) { return answer(task); },
      [&](std::size_t worker) { return worker == 1 ? std::nullopt : std::optional(self); }, self);

  world.evaluate(3);

  world.expect_all_but_poisoned(3);
  EXPECT_THAT(world.said, HasSubstr("worker 1 is lost: it did not say who it is for 600 s"));
}

}  // namespace
}  // namespace pare::test
