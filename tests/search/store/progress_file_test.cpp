// SPDX-License-Identifier: Apache-2.0
#include "search/store/progress_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "kernels/core/error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using namespace search;

RunProgress some_progress() {
  RunProgress progress;
  progress.running_seconds = 10;
  progress.stage = "searching";
  progress.done = 3;
  progress.total = 8;
  progress.stage_seconds = 4;
  progress.unit = "tokens";
  progress.note = "pare: \"refining\"";
  progress.search_tokens = 4096;
  progress.token_limit = 100'000;
  progress.budget_bytes = 2250;
  progress.crew = {{{"worker 0 on a", "working", 12, 0, 9.5, 0.25, 0.5, 1000, 2000},
                    {"worker 1 on b", "lost", 3, 2, 2.5, 0.5, 1.0, 300, 400}},
                   10,
                   1,
                   2,
                   3};
  return progress;
}

TEST(ProgressFile, ReadsBackWhatWasWritten) {
  const ScratchDirectory scratch;
  const auto file = progress_file(scratch.path());

  write_progress_file(file, some_progress());
  const auto progress = read_progress_file(file);

  ASSERT_TRUE(progress.has_value());
  EXPECT_EQ(progress->stage, "searching");
  EXPECT_EQ(progress->note, "pare: \"refining\"");
  EXPECT_EQ(progress->token_limit, 100'000);
  EXPECT_THAT(progress->time, testing::MatchesRegex("20..-..-..T..:..:..Z"));
  ASSERT_EQ(progress->crew.workers.size(), 2U);
  EXPECT_FALSE(progress->crew.workers[1].alive());
  EXPECT_EQ(progress->crew.workers[1].failures, 2);
  EXPECT_EQ(progress->crew.workers[0].latency_p95_seconds, 0.5);
  EXPECT_EQ(progress->crew.late_leases, 3);
}

TEST(ProgressFile, CountsBusyTimeOverAllWorkers) {
  EXPECT_DOUBLE_EQ(some_progress().crew.utilization().value(), 12.0 / 20.0);
  EXPECT_FALSE(RunProgress().crew.utilization().has_value());
}

TEST(ProgressFile, KeepsQuietWithoutAFileAndRefusesAForeignOne) {
  const ScratchDirectory scratch;
  const auto file = progress_file(scratch.path());
  EXPECT_FALSE(read_progress_file(file).has_value());

  std::ofstream(file) << R"({"time": 3})";

  try {
    read_progress_file(file);
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()), file.string() + ": is not the progress of a run, remove it");
  }
}

}  // namespace
}  // namespace pare::test
