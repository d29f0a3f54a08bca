// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/scheduler.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using namespace pare::search;

/// Workers as threads that answer BuildSite{n} with n packed bytes, and GenerateText with their number; `fail_at`
/// fails; worker w pauses w milliseconds a task.
class Crew {
 public:
  explicit Crew(int workers, std::uint64_t fail_at = ~0ull) {
    for (int w = 0; w < workers; ++w) {
      auto [here, there] = framework::make_thread_channel();
      channels_.push_back(std::move(here));
      threads_.emplace_back([this, w, fail_at, channel = std::move(there)] {
        while (true) {
          const NumberedTask task = decode_task(channel->receive());
          if (std::holds_alternative<Stop>(task.task)) return;
          std::this_thread::sleep_for(std::chrono::milliseconds(w));
          ++tasks_done;
          const auto* build = std::get_if<BuildSite>(&task.task);
          Outcome outcome = Ready{};
          if (build != nullptr && build->site == fail_at)
            outcome = Failed{FailureKind::input, "site is broken"};
          else if (build != nullptr)
            outcome = SiteBuilt{{std::vector<std::byte>(build->site), {}}};
          else if (std::holds_alternative<GenerateText>(task.task))
            outcome = GeneratedText{{static_cast<std::uint32_t>(w)}};
          channel->send(encode(Reply{task.number, 0.001, std::move(outcome)}));
        }
      });
    }
  }
  ~Crew() {
    for (auto& thread : threads_) thread.join();
  }
  std::vector<std::unique_ptr<framework::Channel>> take() { return std::move(channels_); }
  std::atomic<int> tasks_done = 0;

 private:
  std::vector<std::unique_ptr<framework::Channel>> channels_;
  std::vector<std::thread> threads_;
};

std::vector<Task> numbered_builds(std::uint64_t count) {
  std::vector<Task> tasks;
  for (std::uint64_t n = 0; n < count; ++n) tasks.push_back(BuildSite{n});
  return tasks;
}

TEST(Scheduler, BringsEveryOutcomeHomeUnderItsIndex) {
  for (const int workers : {1, 2, 7}) {
    Crew crew(workers);
    Scheduler scheduler(crew.take());
    std::vector<int> seen(50, 0);

    scheduler.run(numbered_builds(50), [&](std::size_t index, Outcome& outcome) {
      EXPECT_EQ(std::get<SiteBuilt>(outcome).site.packed.size(), index);
      ++seen[index];
    });

    EXPECT_THAT(seen, testing::Each(1));
    EXPECT_NEAR(scheduler.busy_seconds(), 0.05, 1e-9);
  }
}

TEST(Scheduler, AnswersWorkersWhileSomethingElseIsAtWork) {
  auto [here, there] = framework::make_thread_channel();
  std::vector<std::unique_ptr<framework::Channel>> lines;
  lines.push_back(std::move(here));
  Scheduler scheduler(std::move(lines));

  scheduler.attend_while([&] {
    there->send(encode(Reply{.number = 0, .seconds = 0, .outcome = Alive{}}));
    EXPECT_TRUE(std::holds_alternative<Echo>(decode_task(there->receive()).task));
  });

  EXPECT_THAT([&] { scheduler.attend_while([] { throw InputError("no answer"); }); },
              testing::ThrowsMessage<InputError>("no answer"));
}

TEST(SchedulerDeathTest, EndsACoordinatorWhoseLoopStandsStill) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";

  EXPECT_EXIT(
      {
        framework::Watchdog watchdog;
        Crew crew(1);
        SchedulerSetup setup;
        setup.cluster.coordinator_seconds = 0.2;
        setup.watchdog = &watchdog;
        Scheduler scheduler(crew.take(), std::move(setup));
        scheduler.run(numbered_builds(1),
                      [](std::size_t, Outcome&) { std::this_thread::sleep_for(std::chrono::hours(1)); });
      },
      testing::ExitedWithCode(75), "pare: rank 0 has been at one turn of its loop for 0 s, giving up");
}

TEST(Scheduler, RunsATaskOnEveryWorker) {
  Crew crew(5);
  Scheduler scheduler(crew.take());

  scheduler.run_on_all(UseBank{"bank.h5"});

  EXPECT_EQ(crew.tasks_done, 5);
}

TEST(Scheduler, RunsEachTaskOnItsOwnWorker) {
  Crew crew(4);
  Scheduler scheduler(crew.take());
  for (const std::size_t count : {4U, 3U, 1U, 0U}) {
    const std::vector<Task> tasks(count, GenerateText{});
    std::vector<int> seen(count, 0);

    scheduler.run_on_each(tasks, [&](std::size_t index, Outcome& outcome) {
      EXPECT_THAT(std::get<GeneratedText>(outcome).tokens, testing::ElementsAre(index));
      ++seen[index];
    });

    EXPECT_THAT(seen, testing::Each(1));
  }
  EXPECT_EQ(crew.tasks_done, 8);
}

TEST(Scheduler, ThrowsTheTextOfATaskThatFailsOnItsWorkerAndStaysUsable) {
  Crew crew(3, 1);
  Scheduler scheduler(crew.take());
  std::vector<std::size_t> seen;

  EXPECT_THAT([&] { scheduler.run_on_each(numbered_builds(3), [&](std::size_t, Outcome&) {}); },
              testing::ThrowsMessage<InputError>(testing::HasSubstr("site is broken")));
  EXPECT_EQ(crew.tasks_done, 3);

  scheduler.run_on_each(numbered_builds(1), [&](std::size_t index, Outcome&) { seen.push_back(index); });
  EXPECT_THAT(seen, testing::ElementsAre(0));
}

TEST(Scheduler, ThrowsTheTextOfAFailedTaskAndStaysUsable) {
  Crew crew(3, 20);
  Scheduler scheduler(crew.take());

  EXPECT_THROW(scheduler.run(numbered_builds(1000), [](std::size_t, Outcome&) {}), InputError);
  EXPECT_LT(crew.tasks_done, 200);

  int count = 0;
  scheduler.run(numbered_builds(10), [&](std::size_t, Outcome&) { ++count; });
  EXPECT_EQ(count, 10);
}

TEST(Scheduler, DoesNothingForNoTasks) {
  Crew crew(2);
  Scheduler scheduler(crew.take());

  scheduler.run({}, [](std::size_t, Outcome&) { FAIL(); });

  EXPECT_EQ(crew.tasks_done, 0);
}

}  // namespace
}  // namespace pare::test
