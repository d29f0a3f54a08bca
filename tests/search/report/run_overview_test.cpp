// SPDX-License-Identifier: Apache-2.0
#include "search/report/run_overview.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "framework/io/json.hpp"
#include "kernels/core/error.hpp"
#include "tests/search/store/scratch_directory.hpp"
#include "tests/search/store/small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::HasSubstr;

RunOverview some_overview() {
  RunOverview overview;
  overview.directory = "runs/x";
  overview.state = "RUNNING";
  overview.process = "pid 4711 on host node7";
  overview.algorithm = "pare";
  overview.trials = 1210;
  overview.failed_trials = 2;
  overview.best = BestSoFar{0.25, 8, 2250, "uniform w3-g32", 0.5};
  overview.snapshot_trials = 1000;
  RunProgress progress;
  progress.time = "2026-11-26T15:07:56Z";
  progress.running_seconds = 100;
  progress.stage = "searching";
  progress.done = 3000;
  progress.total = 4096;
  progress.stage_seconds = 3;
  progress.unit = "tokens";
  progress.note = "pare: refining";
  progress.search_tokens = 40'000;
  progress.token_limit = 100'000;
  progress.crew = {
      {{"worker 0", "working", 12, 0, 95, 0.25, 0.5, 1000, 2'000'000}, {"worker 1", "lost", 3, 2, 25, 0.5, 1, 3, 4}},
      100,
      2,
      1,
      0};
  overview.progress = progress;
  return overview;
}

TEST(RunOverview, TellsOfARunningSearch) {
  EXPECT_EQ(overview_text(some_overview()),
            R"(State      RUNNING, pid 4711 on host node7
Stage      searching, 3,000 of 4,096 tokens; pare: refining (at 2026-11-26T15:07:56Z)
Tokens     40,000 of at most 100,000 in the search, 1000 a second, at most about 1:00 min left
Best       mean KL 0.25000 on 8 search windows, 2,250 bytes; 0.500 times that of uniform w3-g32 (0.50000)
Trials     1,210, 2 failed of 'pare'
Workers    1 of 2 alive, 60 % busy, 95 % of tasks within 1 s, 2.0 MB moved, 2 handed out again after failures, 1 handed out again after losses
Snapshot   run.h5, 1,000 trials
Logs       runs/x/logs
)");
}

TEST(RunOverview, TellsWhatToDoWithAKilledSearch) {
  RunOverview overview = some_overview();
  overview.state = "KILLED";

  EXPECT_THAT(overview_text(overview),
              HasSubstr("State      KILLED, the same command continues it; it was pid 4711 on host node7\n"));
}

TEST(RunOverview, TellsTheSameAsJson) {
  const auto json = framework::Json::parse(overview_json(some_overview()));

  EXPECT_EQ(json["state"], "RUNNING");
  EXPECT_EQ(json["tokens"]["done"], 40'000);
  EXPECT_EQ(json["tokens"]["seconds_left"], 60.0);
  EXPECT_EQ(json["best"]["uniform"], "uniform w3-g32");
  EXPECT_EQ(json["workers"].size(), 2U);
  EXPECT_EQ(json["utilization"], 0.6);
  EXPECT_TRUE(json["winner"].is_null());
}

TEST(RunOverview, ComparesTheBestRecipeWithTheUniformOneOnTheSameWindows) {
  RunRecord record = small_run();  // uniform w3-g32 on 2 windows: 0.5, 0.25; another on 4: 0.25, 0.125, 0.5, 0.75
  record.trials.resize(2);

  const auto best = best_so_far(record, 2250);

  ASSERT_TRUE(best.has_value());
  EXPECT_EQ(best->uniform, "uniform w3-g32");
  EXPECT_EQ(best->windows, 2);
  EXPECT_DOUBLE_EQ(best->uniform_loss, 0.375);
  EXPECT_DOUBLE_EQ(best->loss, 0.1875);
  EXPECT_EQ(best->bytes, 2250);
}

TEST(RunOverview, LeavesFailedTrialsAndThoseOverTheBudgetOut) {
  RunRecord record = small_run();
  record.trials.resize(2);
  for (double& kl : record.trials[1].kl) kl = std::numeric_limits<double>::infinity();

  EXPECT_DOUBLE_EQ(best_so_far(record, 2250)->loss, 0.375);
  EXPECT_FALSE(best_so_far(record, 2000).has_value());
}

TEST(RunOverview, SaysThatADirectoryHoldsNoRun) {
  const ScratchDirectory scratch;
  try {
    read_overview(scratch.path());
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_EQ(error.what(), scratch.path().string() +
                                ": holds no run (neither status.json nor a journal nor run.h5), give the output of a "
                                "search");
  }
}

}  // namespace
}  // namespace pare::test
