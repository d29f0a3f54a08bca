// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/process_info.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

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

}  // namespace
}  // namespace pare::test
