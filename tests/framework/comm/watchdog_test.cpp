// SPDX-License-Identifier: Apache-2.0
#include "framework/comm/watchdog.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::Watchdog;
using std::chrono::milliseconds;

void nap(int ms) {
  std::this_thread::sleep_for(milliseconds(ms));
}

TEST(WatchdogDeathTest, EndsAProcessThatIsStuck) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";

  EXPECT_EXIT(
      {
        Watchdog watchdog;
        watchdog.arm("the test has slept", milliseconds(100), 75);
        nap(60000);
      },
      testing::ExitedWithCode(75), "pare: the test has slept for 0 s, giving up");
}

TEST(WatchdogDeathTest, DoesNotCountTimeInWhichTheProcessWasStopped) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";

  EXPECT_EXIT(
      {
        const pid_t stopped = getpid();
        if (fork() == 0) {
          nap(6000);
          kill(stopped, SIGCONT);
          _exit(0);
        }
        Watchdog watchdog;
        watchdog.arm("the test has slept", milliseconds(3000), 75);
        raise(SIGSTOP);
        nap(1000);
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
}

TEST(Watchdog, LeavesAProcessAloneThatBeatsOrIsNotArmed) {
  Watchdog watchdog;
  watchdog.arm("the test has slept", milliseconds(2000), 75);
  for (int i = 0; i < 30; ++i) {
    nap(100);
    watchdog.beat();
  }
  watchdog.disarm();
  nap(2200);

  SUCCEED();
}

TEST(Watchdog, TakesItsTimesFromTheEnvironment) {
  setenv("PARE_TEST_SECONDS", "0.25", 1);
  EXPECT_EQ(framework::seconds_from_environment("PARE_TEST_SECONDS", std::chrono::seconds(120)), milliseconds(250));

  setenv("PARE_TEST_SECONDS", "soon", 1);
  EXPECT_THROW(framework::seconds_from_environment("PARE_TEST_SECONDS", std::chrono::seconds(120)), InputError);

  unsetenv("PARE_TEST_SECONDS");
  EXPECT_EQ(framework::seconds_from_environment("PARE_TEST_SECONDS", std::chrono::seconds(120)), milliseconds(120000));
}

}  // namespace
}  // namespace pare::test
