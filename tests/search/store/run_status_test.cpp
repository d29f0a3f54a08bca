// SPDX-License-Identifier: Apache-2.0
#include "search/store/run_status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "kernels/core/error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using namespace search;

class RunStatusFile : public testing::Test {
 protected:
  ScratchDirectory scratch_;
  std::filesystem::path file_ = scratch_.path() / "status.json";

  RunStatus read() { return read_run_status(file_).value(); }
};

TEST_F(RunStatusFile, ComesBackAsWritten) {
  RunStatus status = status_of_this_process();
  status.state = RunState::failed;
  status.launch = "77-2";
  status.sequence = 123456789012;
  status.tokens = 5;
  status.exit_code = 74;
  status.error = "a line with \"quotes\"";

  write_run_status(file_, status);

  const RunStatus back = read();
  EXPECT_EQ(name_of(back.state), "FAILED");
  EXPECT_EQ(back.launch, status.launch);
  EXPECT_EQ(back.pid, getpid());
  EXPECT_EQ(back.sequence, status.sequence);
  EXPECT_EQ(back.tokens, 5);
  EXPECT_EQ(back.exit_code, 74);
  EXPECT_EQ(back.error, status.error);
}

TEST_F(RunStatusFile, RefusesWhatIsNoStatus) {
  std::ofstream(file_) << R"({"state": "WALKING"})";

  EXPECT_THROW(read_run_status(file_), InputError);
}

TEST_F(RunStatusFile, TakesAZombieForDead) {
  RunStatus status = status_of_this_process();
  EXPECT_FALSE(writer_is_dead(status));
  const pid_t child = fork();
  if (child == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);

  status.pid = child;

  EXPECT_TRUE(writer_is_dead(status));
  EXPECT_FALSE(is_at_work(status));
  waitpid(child, nullptr, 0);
}

TEST_F(RunStatusFile, SaysAtOnceThatALaunchWasNotInVain) {
  StatusKeeper keeper(file_);
  keeper.enter(RunState::ready);
  keeper.record(10, 2, 300);
  EXPECT_EQ(read().tokens, 0);

  keeper.record(11, 2, 364);

  EXPECT_EQ(read().tokens, 364);
  EXPECT_EQ(read().sequence, 11);
}

}  // namespace
}  // namespace pare::test
