// SPDX-License-Identifier: Apache-2.0
// Who may write: owners that live, died, or lived on other machines, with and without locks of the file system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <thread>

#include "fault_cycles.hpp"
#include "fault_shim.hpp"
#include "kernels/core/error.hpp"
#include "scratch_directory.hpp"
#include "search/store/journal.hpp"

namespace pare::test {
namespace {

using search::Journal;
using search::JournalHeader;
using search::Owner;
using search::Presence;
using testing::HasSubstr;

const JournalHeader ours{"", "experiment-1", "model-1", "data-1", "build-1"};
const search::JournalSettings hasty{
    .fence = {.heartbeat = std::chrono::milliseconds(50), .stale = std::chrono::milliseconds(1200)}};

/// The number of a process that has ended and was waited for.
pid_t dead_process() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  waitpid(child, nullptr, 0);
  return child;
}

class FenceTest : public testing::TestWithParam<bool> {
 protected:
  FenceTest() { fault_shim::without_locks(!GetParam()); }
  ~FenceTest() override { fault_shim::without_locks(false); }

  /// A journal whose last segment was written by that owner, who left no word.
  void write_journal_of(const Owner& owner) {
    std::filesystem::create_directory(path_);
    write_bytes(path_ / "000001.bin", search::encode_header({.journal = ours, .owner = to_text(owner)}));
  }

  std::string error_of_opening() {
    try {
      Journal::open(path_, ours, hasty);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  }

  const ScratchDirectory directory_;
  const std::filesystem::path path_ = directory_ / "journal";
};

TEST_P(FenceTest, RefusesAnOwnerThatLives) {
  const Journal journal = Journal::open(path_, ours, hasty);

  EXPECT_THAT(error_of_opening(), HasSubstr("in use by another pare, pid " + std::to_string(getpid()) + " on host "));
}

TEST_P(FenceTest, TakesOverAtOnceFromAProcessThatIsGone) {
  Owner owner = search::this_process();
  owner.pid = dead_process();
  write_journal_of(owner);

  EXPECT_EQ(Journal::open(path_, ours).epoch(), 2u);
}

TEST_P(FenceTest, TakesOverAtOnceWhenTheProcessNumberWasUsedAgain) {
  Owner owner = search::this_process();
  owner.pid_start = "1";
  write_journal_of(owner);

  EXPECT_EQ(Journal::open(path_, ours).epoch(), 2u);
}

TEST_P(FenceTest, TakesOverAtOnceAfterARestartOfTheMachine) {
  Owner owner = search::this_process();
  owner.boot_id = "00000000-0000-0000-0000-000000000000";
  write_journal_of(owner);

  EXPECT_EQ(Journal::open(path_, ours).epoch(), 2u);
}

TEST_P(FenceTest, TakesOverAfterAWaitFromAnotherMachineWithoutAHeartbeat) {
  Owner owner = search::this_process();
  owner.host = "node7";
  owner.boot_id = "00000000-0000-0000-0000-000000000000";
  owner.since = "2099-01-01 00:00:00 UTC";  // its clock is no matter
  write_journal_of(owner);
  std::string said;
  search::JournalSettings settings = hasty;
  settings.fence.say = [&](const std::string& text) { said = text; };
  const auto start = std::chrono::steady_clock::now();

  const Journal journal = Journal::open(path_, ours, settings);

  EXPECT_EQ(journal.epoch(), 2u);
  EXPECT_GE(std::chrono::steady_clock::now() - start, hasty.fence.stale);
  EXPECT_THAT(said, HasSubstr("was last written by pid " + std::to_string(owner.pid) + " on host node7"));
}

TEST_P(FenceTest, RefusesAnotherMachineWithAHeartbeat) {
  Owner owner = search::this_process();
  owner.host = "node7";
  owner.boot_id = "00000000-0000-0000-0000-000000000000";
  write_journal_of(owner);
  std::atomic<bool> stop = false;
  std::thread heart([&] {
    for (int beat = 0; !stop; ++beat) {
      const std::string text = to_text(owner) + "segment: 1\nheartbeat: " + std::to_string(beat) + "\nstate: writing\n";
      write_bytes(path_ / "owner.new", std::as_bytes(std::span(text)));
      std::filesystem::rename(path_ / "owner.new", path_ / "owner");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });

  const std::string error = error_of_opening();

  stop = true;
  heart.join();
  EXPECT_THAT(error, HasSubstr("in use by another pare, pid " + std::to_string(owner.pid) + " on host node7"));
  EXPECT_EQ(search::segment_numbers(path_).size(), 1u);
}

TEST_P(FenceTest, LetsOneOfManyTakeOver) {
  const int rounds = fault_cycles(10);
  for (int round = 0; round < rounds; ++round) {
    std::filesystem::remove_all(path_);
    Owner owner = search::this_process();
    owner.pid = dead_process();
    if (round % 2 == 0) write_journal_of(owner);
    int go[2];
    int tried[2];
    int done[2];
    ASSERT_EQ(pipe(go) | pipe(tried) | pipe(done), 0);
    std::vector<pid_t> openers;
    for (int i = 0; i < 4; ++i) {
      openers.push_back(fork());
      if (openers.back() != 0) continue;
      close(go[1]);
      close(done[1]);
      char byte = 0;
      if (read(go[0], &byte, 1) != 0) _exit(3);
      std::optional<Journal> journal;
      try {
        journal.emplace(Journal::open(path_, ours));
      } catch (const std::exception&) {
      }
      if (write(tried[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 0) _exit(3);
      _exit(journal ? 0 : 1);
    }
    for (const int end : {go[0], go[1], tried[1], done[0]}) close(end);
    char bytes[4];
    for (int i = 0; i < 4; ++i) ASSERT_EQ(read(tried[0], bytes, 1), 1);
    close(done[1]);
    close(tried[0]);
    int winners = 0;
    for (const pid_t opener : openers) {
      int status = 0;
      waitpid(opener, &status, 0);
      winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    ASSERT_EQ(winners, 1) << "round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(, FenceTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "WithLocks" : "WithoutLocks"; });

TEST(Owner, SurvivesARoundTrip) {
  Owner owner = search::this_process();
  owner.job = "4711";
  owner.restarts = 3;

  EXPECT_EQ(search::parse_owner(to_text(owner) + "segment: 3\n"), owner);
  EXPECT_EQ(search::parse_owner("host: a\npid: x\n"), std::nullopt);
  EXPECT_EQ(search::parse_owner(""), std::nullopt);
}

TEST(Owner, OfARequeuedJobIsGone) {
  Owner before = search::this_process();
  before.job = "4711";
  before.host = "node7";
  before.boot_id = "00000000-0000-0000-0000-000000000000";
  Owner now = search::this_process();
  now.job = "4711";
  now.restarts = 1;

  EXPECT_EQ(presence_of(before, now), Presence::gone);
  now.job = "4712";
  EXPECT_EQ(presence_of(before, now), Presence::unknown);
}

}  // namespace
}  // namespace pare::test
