// SPDX-License-Identifier: Apache-2.0
// What a journal is worth after a crash or a failing disk at any of its system calls: see fault_shim.hpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <random>
#include <system_error>

#include "fault_cycles.hpp"
#include "fault_shim.hpp"
#include "kernels/core/error.hpp"
#include "scratch_directory.hpp"
#include "search/store/journal.hpp"

namespace pare::test {
namespace {

using fault_shim::Fault;
using fault_shim::Operation;
using search::Journal;
using search::JournalContents;
using search::JournalEntry;
using search::JournalHeader;

const JournalHeader ours{"", "experiment-1", "model-1", "data-1", "build-1"};
const search::JournalSettings small_segments{.segment_bytes = 3000};
constexpr std::uint16_t epoch_type = 6;

/// The content of record `sequence`: its length and bytes follow from its number.
JournalEntry entry_for(std::uint64_t sequence) {
  JournalEntry entry{1, std::vector<std::byte>(8 + sequence * 37 % 700)};
  for (std::size_t i = 0; i < entry.payload.size(); ++i)
    entry.payload[i] = static_cast<std::byte>((sequence * 131 + i) & 0xff);
  return entry;
}

void expect_sound(const JournalContents& contents) {
  for (std::size_t r = 0; r < contents.records.size(); ++r) {
    ASSERT_EQ(contents.records[r].sequence, r + 1);
    if (contents.records[r].type == epoch_type) continue;
    ASSERT_EQ(contents.records[r].payload, entry_for(r + 1).payload);
  }
}

/// Appends batches of one to three records; `acknowledged` is told after each.
template <class Acknowledged>
void write_some(const std::filesystem::path& path, int batches, const Acknowledged& acknowledged) {
  Journal journal = Journal::open(path, ours, small_segments);
  acknowledged(journal.last_sequence());
  for (int b = 0; b < batches; ++b) {
    std::vector<JournalEntry> batch;
    const std::uint64_t next = journal.last_sequence() + 1;
    for (std::uint64_t i = 0; i < 1 + next % 3; ++i) batch.push_back(entry_for(next + i));
    acknowledged(journal.append(batch));
  }
}

class JournalCrash : public testing::Test {
 protected:
  ~JournalCrash() override {
    fault_shim::stop_recording();
    fault_shim::stop_failing();
    fault_shim::without_locks(false);
  }

  /// Three starts of a run; `promised_`: by number of operations, what was acknowledged by then.
  void record_a_run() {
    fault_shim::start_recording();
    for (int start = 0; start < 3; ++start) {
      write_some(directory_ / "journal", 25, [&](std::uint64_t sequence) {
        promised_.resize(fault_shim::recorded().size() + 1, promised_.empty() ? 0 : promised_.back());
        promised_.back() = sequence;
      });
    }
    fault_shim::stop_recording();
    operations_ = fault_shim::recorded();
    promised_.resize(operations_.size() + 1, promised_.back());
  }

  /// What was acknowledged when so many operations had been made.
  std::uint64_t promised_after(std::size_t operations) const {
    std::uint64_t sequence = 0;
    for (std::size_t i = 0; i <= operations; ++i) sequence = std::max(sequence, promised_[i]);
    return sequence;
  }

  void expect_nothing_lost(const CrashedDirectory& crashed, std::size_t operations) {
    const std::filesystem::path path = directory_ / "crashed";
    crashed.write_to(path);
    const JournalContents contents = search::read_journal(path);
    ASSERT_GE(contents.records.size(), promised_after(operations)) << "after " << operations << " operations";
    expect_sound(contents);
  }

  const ScratchDirectory directory_;
  std::vector<Operation> operations_;
  std::vector<std::uint64_t> promised_;
};

TEST_F(JournalCrash, LosesNothingWhenTheProcessEndsAtAnyCallOrWithinAnyWrite) {
  record_a_run();
  ASSERT_GT(operations_.size(), 200u);

  std::mt19937 random(1);
  for (std::size_t made = 0; made <= operations_.size(); ++made) {
    const std::size_t most = made < operations_.size() ? operations_[made].bytes.size() : 0;
    for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, most / 2, random() % (most + 1)})
      ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(CrashedDirectory(operations_, made, cut), made));
  }
}

TEST_F(JournalCrash, ContinuesAfterAnyCrash) {
  record_a_run();

  for (std::size_t made = 0; made <= operations_.size(); made += 17) {
    const std::filesystem::path path = directory_ / "crashed";
    CrashedDirectory(operations_, made, 100).write_to(path);
    std::uint64_t last = 0;
    write_some(path, 3, [&](std::uint64_t sequence) { last = sequence; });

    const JournalContents contents = search::read_journal(path);

    ASSERT_EQ(contents.records.size(), last);
    ASSERT_GT(last, promised_after(made));
    ASSERT_NO_FATAL_FAILURE(expect_sound(contents));
  }
}

TEST_F(JournalCrash, LosesNothingInAPowerCutThatDropsAndTearsWhatWasNotSynced) {
  record_a_run();

  std::mt19937_64 random(1);
  const int states = fault_cycles(2000);
  for (int state = 0; state < states; ++state) {
    const std::size_t made = random() % (operations_.size() + 1);
    CrashedDirectory crashed(operations_, made, random() % 2000);
    crashed.lose_unsynced(random());
    ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(crashed, made)) << "state " << state;
  }
}

TEST_F(JournalCrash, NeverAcceptsAFlippedBit) {
  const std::filesystem::path path = directory_ / "journal";
  write_some(path, 10, [](std::uint64_t) {});
  const JournalContents whole = search::read_journal(path);
  const std::vector<std::uint64_t> segments = search::segment_numbers(path);
  ASSERT_GT(segments.size(), 2u);
  std::vector<std::vector<std::byte>> bytes;
  for (const std::uint64_t segment : segments) bytes.push_back(read_bytes(search::segment_path(path, segment)));

  std::mt19937 random(1);
  const int flips = fault_cycles(10'000);
  int refused = 0;
  for (int flip = 0; flip < flips; ++flip) {
    const std::size_t s = random() % segments.size();
    const std::size_t bit = random() % (8 * bytes[s].size());
    std::vector<std::byte> damaged = bytes[s];
    damaged[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    write_bytes(search::segment_path(path, segments[s]), damaged);
    try {
      const JournalContents contents = search::read_journal(path);
      // No different from a torn write: the last batch of all.
      ASSERT_EQ(s, segments.size() - 1) << "bit " << bit;
      ASSERT_LT(contents.records.size(), whole.records.size()) << "bit " << bit;
      ASSERT_GE(contents.records.size() + 1, whole.records.back().batch()) << "bit " << bit;
      ASSERT_NO_FATAL_FAILURE(expect_sound(contents));
    } catch (const InputError&) {
      ++refused;
    }
    write_bytes(search::segment_path(path, segments[s]), bytes[s]);
  }
  EXPECT_GT(refused, flips / 2);
}

class FailingDisk : public JournalCrash, public testing::WithParamInterface<std::pair<Fault, int>> {};

TEST_P(FailingDisk, EndsTheRunAtAnyCallAndLosesNothing) {
  const auto [fault, error] = GetParam();
  const bool recovers = fault != Fault::error;
  bool reached = true;

  for (int call = 1; reached; ++call) {
    const std::filesystem::path path = directory_ / std::to_string(call);
    std::uint64_t promised = 0;
    bool failed = false;
    fault_shim::fail_call(call, fault, error);
    try {
      for (int start = 0; start < 2; ++start) write_some(path, 8, [&](std::uint64_t sequence) { promised = sequence; });
    } catch (const search::JournalError& problem) {
      failed = true;
      ASSERT_THAT(problem.what(), testing::HasSubstr(std::generic_category().message(error)));
    } catch (const InputError& problem) {
      failed = true;
      ASSERT_THAT(problem.what(), testing::HasSubstr(std::generic_category().message(error)));
    }
    reached = fault_shim::stop_failing();
    // A heartbeat that cannot be written is no reason to end, nor is the word of farewell.
    ASSERT_FALSE(recovers && failed) << "call " << call;

    Journal journal = Journal::open(path, ours, small_segments);
    ASSERT_GE(journal.records().size(), promised) << "call " << call;
    ASSERT_NO_FATAL_FAILURE(expect_sound(search::read_journal(path))) << "call " << call;
    std::filesystem::remove_all(path);
  }
}

INSTANTIATE_TEST_SUITE_P(, FailingDisk,
                         testing::Values(std::pair{Fault::error, ENOSPC}, std::pair{Fault::error, EIO},
                                         std::pair{Fault::error, EDQUOT}, std::pair{Fault::short_write, 0},
                                         std::pair{Fault::interrupted, 0}),
                         [](const auto& test) {
                           return std::string(test.param.first == Fault::interrupted   ? "Interrupted"
                                              : test.param.first == Fault::short_write ? "ShortWrite"
                                              : test.param.second == ENOSPC            ? "Full"
                                              : test.param.second == EIO               ? "Broken"
                                                                                       : "QuotaReached");
                         });

}  // namespace
}  // namespace pare::test
