// SPDX-License-Identifier: Apache-2.0
// What happens to a journal when the process or the disk fails under it. The writers are forked children.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <random>

#include "scratch_directory.hpp"
#include "search/store/journal.hpp"

namespace pare::test {
namespace {

using search::Journal;
using search::JournalEntry;
using search::JournalError;
using search::JournalHeader;

const JournalHeader ours{"", "experiment-1", "model-1", "data-1", "build-1"};

constexpr std::uint16_t epoch_type = 6;  // the record that every start begins with

/// The content of record `sequence`: its length and bytes follow from its number.
JournalEntry entry_for(std::uint64_t sequence) {
  JournalEntry entry{static_cast<std::uint16_t>(sequence % 3 + 1), std::vector<std::byte>(8 + sequence % 400)};
  for (std::size_t i = 0; i < entry.payload.size(); ++i)
    entry.payload[i] = static_cast<std::byte>((sequence * 131 + i) & 0xff);
  return entry;
}

void expect_first_records(const Journal& journal) {
  for (const search::JournalRecord& record : journal.records()) {
    if (record.type == epoch_type) continue;
    const JournalEntry expected = entry_for(record.sequence);
    ASSERT_EQ(record.type, expected.type);
    ASSERT_EQ(record.payload, expected.payload);
  }
}

/// Appends batches for ever; every acknowledged sequence goes into the pipe.
[[noreturn]] void write_until_killed(const std::filesystem::path& path, int acknowledged) {
  Journal journal = Journal::open(path, ours);
  for (;;) {
    std::vector<JournalEntry> batch;
    const std::uint64_t next = journal.last_sequence() + 1;
    for (std::uint64_t i = 0; i < 1 + next % 4; ++i) batch.push_back(entry_for(next + i));
    const std::uint64_t last = journal.append(batch);
    if (::write(acknowledged, &last, sizeof last) != sizeof last) _exit(1);
  }
}

TEST(JournalFaults, LosesNothingAcknowledgedInTwentyKills) {
  const ScratchDirectory directory;
  const std::filesystem::path path = directory / "journal";
  std::mt19937 random(1);
  std::uint64_t grown_to = 0;

  for (int cycle = 0; cycle < 20; ++cycle) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t writer = fork();
    if (writer == 0) write_until_killed(path, ends[1]);
    close(ends[1]);
    std::uint64_t acknowledged = 0;
    ASSERT_EQ(read(ends[0], &acknowledged, sizeof acknowledged), ssize_t{sizeof acknowledged});
    usleep(std::uniform_int_distribution<useconds_t>(0, 20'000)(random));
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);
    for (std::uint64_t value = 0; read(ends[0], &value, sizeof value) == sizeof value;) acknowledged = value;
    close(ends[0]);

    const Journal journal = Journal::open(path, ours);

    ASSERT_GE(journal.last_sequence(), acknowledged);
    ASSERT_GT(journal.last_sequence(), grown_to);
    grown_to = journal.last_sequence();
    expect_first_records(journal);
  }
}

/// Appends until the disk is full. Returns how many records were acknowledged, or -1 when the journal
/// pretended.
int fill_up(const std::filesystem::path& path, rlim_t limit) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit full{limit, limit};
  setrlimit(RLIMIT_FSIZE, &full);
  Journal journal = Journal::open(path, ours);
  try {
    for (;;) journal.append(std::vector{entry_for(journal.last_sequence() + 1)});
  } catch (const JournalError& error) {
    if (error.error_number() != EFBIG || error.file().parent_path() != path) return -1;
  }
  const auto acknowledged = static_cast<int>(journal.last_sequence());
  try {
    journal.append(std::vector{entry_for(1)});
  } catch (const JournalError&) {
    return acknowledged;
  }
  return -1;
}

TEST(JournalFaults, SaysWhenTheDiskIsFullAndContinuesLater) {
  const ScratchDirectory directory;
  const std::filesystem::path path = directory / "journal";

  const pid_t writer = fork();
  if (writer == 0) _exit(fill_up(path, 20'000) & 0xff);
  int status = 0;
  waitpid(writer, &status, 0);

  ASSERT_TRUE(WIFEXITED(status));
  const int acknowledged = WEXITSTATUS(status);
  ASSERT_GT(acknowledged, 0);
  ASSERT_LT(acknowledged, 255);
  Journal journal = Journal::open(path, ours);
  EXPECT_EQ(journal.records().size(), static_cast<std::uint64_t>(acknowledged));
  EXPECT_TRUE(journal.torn_tail());
  expect_first_records(journal);
  EXPECT_EQ(journal.append(std::vector{entry_for(1)}), static_cast<std::uint64_t>(acknowledged) + 2);
}

TEST(JournalFaults, SaysWhenThereIsNoRoomForTheHeader) {
  const ScratchDirectory directory;
  const std::filesystem::path path = directory / "journal";

  const pid_t writer = fork();
  if (writer == 0) {
    try {
      fill_up(path, 10);
      _exit(1);
    } catch (const JournalError&) {
      _exit(search::segment_numbers(path).empty() ? 0 : 2);
    }
  }
  int status = 0;
  waitpid(writer, &status, 0);

  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(JournalFaults, GivesTheJournalToOneOfManyOpenersAtOnce) {
  for (int round = 0; round < 10; ++round) {
    const ScratchDirectory directory;
    int go[2];
    ASSERT_EQ(pipe(go), 0);
    std::vector<pid_t> openers;
    for (int i = 0; i < 4; ++i) {
      openers.push_back(fork());
      if (openers.back() != 0) continue;
      close(go[1]);
      char byte;
      if (read(go[0], &byte, 1) != 0) _exit(3);
      try {
        Journal journal = Journal::open(directory / "journal", ours);
        journal.append(std::vector{entry_for(journal.last_sequence() + 1)});
        usleep(200'000);
        _exit(0);
      } catch (const std::exception&) {
        _exit(1);
      }
    }
    close(go[0]);
    close(go[1]);
    int winners = 0;
    for (const pid_t opener : openers) {
      int status = 0;
      waitpid(opener, &status, 0);
      winners += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }

    EXPECT_EQ(winners, 1);
    EXPECT_EQ(search::read_journal(directory / "journal").records.size(), 2u);
  }
}

}  // namespace
}  // namespace pare::test
