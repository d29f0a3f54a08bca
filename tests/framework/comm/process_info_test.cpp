// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/process_info.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace pare::test {
namespace {

using framework::find_process;

TEST(ProcessInfo, KnowsThisProcess) {
  const auto self = find_process(::getpid());

  ASSERT_TRUE(self.has_value());
  EXPECT_FALSE(self->ended());
  EXPECT_EQ(self->session, ::getsid(0));
  EXPECT_FALSE(self->start.empty());
  EXPECT_FALSE(framework::host_name().empty());
}

TEST(ProcessInfo, TellsAZombieFromAProcessThatIsGone) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t end{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT), 0);

  const auto zombie = find_process(child);

  ASSERT_TRUE(zombie.has_value());
  EXPECT_TRUE(zombie->ended());
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(find_process(child).has_value());
}

/// Processes come and go while their files are read.
TEST(ProcessInfo, FindsNothingWhereAProcessEndsWhileItIsReadAbout) {
  std::atomic<pid_t> child = ::getpid();
  std::atomic<bool> done = false;
  std::thread mother([&] {
    for (int n = 0; n < 1000; ++n) {
      child = ::fork();
      if (child == 0) ::_exit(0);
      ::waitpid(child, nullptr, 0);
    }
    done = true;
  });
  int found = 0;

  EXPECT_NO_THROW({
    while (!done) found += find_process(child).has_value();
  });

  mother.join();
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace pare::test
