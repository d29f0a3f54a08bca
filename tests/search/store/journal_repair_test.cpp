// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal_repair.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/core/error.hpp"
#include "scratch_directory.hpp"
#include "search/store/digest.hpp"
#include "search/store/evaluation_cache.hpp"
#include "search/store/journal.hpp"
#include "search/store/journal_replay.hpp"
#include "search/store/run_directory.hpp"
#include "search/store/run_file.hpp"
#include "search/store/run_image.hpp"
#include "small_run.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const JournalHeader ours{"", "experiment-1", "model-1", "data-1", "build-1"};

class RunDirectory : public testing::Test {
 protected:
  RunDirectory() {
    run_.verdict->trials = std::ssize(run_.trials);
    Journal journal = Journal::open(journal_path(directory_.path()), ours);
    RunRecord plan = run_;
    plan.verdict.reset();
    append(journal, PlanRecord{run_image(plan)});
    TrialDigest digest;
    for (const Trial& trial : run_.trials) {
      append(journal, Result{trial.request.recipe, trial.request.set, trial.request.begin, trial.kl, trial.nll});
      digest.add(trial);
      append(journal, Commit{trial.id, digest.hex(), trial.request, trial.seconds});
    }
    append(journal, Close{digest.hex(), run_image(run_)});
    run_.journal_sequence = journal.last_sequence();
  }

  static void append(Journal& journal, const Record& record) {
    const JournalEntry entry = journal_entry(record);
    journal.append({&entry, 1});
  }

  /// Where record `sequence` begins in the only segment.
  std::size_t offset_of(std::uint64_t sequence) const { return read_segment(segment_).scan.offsets.at(sequence - 1); }

  void damage(std::uint64_t sequence) {
    std::vector<std::byte> bytes = read_bytes(segment_);
    bytes[offset_of(sequence) + 20] ^= std::byte{1};
    write_bytes(segment_, bytes);
  }

  const ScratchDirectory directory_;
  const std::filesystem::path segment_ = journal_path(directory_.path()) / "000001.bin";
  RunRecord run_ = small_run();
};

TEST_F(RunDirectory, RebuildsTheRunFileByteForByte) {
  const auto found = find_run(directory_.path());

  ASSERT_TRUE(found);
  write_run_file(directory_ / "direct.h5", run_);
  write_run_file(directory_ / "rebuilt.h5", found->record);
  EXPECT_EQ(read_bytes(directory_ / "rebuilt.h5"), read_bytes(directory_ / "direct.h5"));
}

TEST_F(RunDirectory, TakesTheJournalWhereItSaysMoreThanTheRunFile) {
  RunRecord early = run_;
  early.trials.resize(1);
  early.verdict.reset();
  early.journal_sequence = 4;
  publish_run_file(directory_.path(), early);

  EXPECT_EQ(find_run(directory_.path())->record.trials.size(), 3u);
  std::filesystem::remove_all(journal_path(directory_.path()));
  EXPECT_EQ(find_run(directory_.path())->record.trials.size(), 1u);
}

TEST_F(RunDirectory, NeverReplacesARunFileByAnOlderOneAndKeepsThePrevious) {
  RunRecord early = run_;
  early.trials.resize(1);
  early.verdict.reset();
  early.journal_sequence = 4;

  EXPECT_TRUE(publish_run_file(directory_.path(), early));
  EXPECT_TRUE(publish_run_file(directory_.path(), run_));
  EXPECT_FALSE(publish_run_file(directory_.path(), early));

  EXPECT_EQ(read_run_file(run_file_path(directory_.path())).trials.size(), 3u);
  EXPECT_EQ(read_run_file(directory_ / "run.previous.h5").trials.size(), 1u);
}

TEST_F(RunDirectory, WarnsWhenTheJournalIsDamagedAndTheRunFileIsNot) {
  publish_run_file(directory_.path(), run_);
  damage(4);

  const auto found = find_run(directory_.path());

  ASSERT_TRUE(found);
  EXPECT_TRUE(found->record.verdict);
  EXPECT_THAT(found->warning, HasSubstr("000001.bin is damaged at byte "));
}

TEST_F(RunDirectory, RepairLeavesASoundJournalAlone) {
  const std::vector<std::byte> before = read_bytes(segment_);

  const JournalRepair repair = repair_journal(directory_.path());

  EXPECT_THAT(repair.damage, IsEmpty());
  EXPECT_THAT(describe(repair, directory_.path()), HasSubstr("is sound, nothing was changed"));
  EXPECT_EQ(read_bytes(segment_), before);
}

TEST_F(RunDirectory, RepairKeepsSoundRecordsAndSaysWhatIsLost) {
  damage(5);  // the result of trial 1, after the epoch, the plan, and result and commit of trial 0
  const std::vector<std::byte> before = read_bytes(segment_);

  const JournalRepair repair = repair_journal(directory_.path());

  EXPECT_THAT(repair.damage, ElementsAre(HasSubstr("000001.bin: ")));
  EXPECT_EQ(repair.kept, 8u);
  EXPECT_EQ(repair.lost, 1u);
  EXPECT_THAT(repair.incomplete, ElementsAre(1));
  EXPECT_EQ(read_bytes(repair.damaged / "000001.bin"), before);
  const std::string text = describe(repair, directory_.path());
  EXPECT_THAT(text, HasSubstr("8 records kept, 1 lost"));
  EXPECT_THAT(text, HasSubstr("trials to be measured again, as far as other runs do not know them: 1\n"));
  Journal journal = Journal::open(journal_path(directory_.path()), ours);
  EXPECT_EQ(journal.records().size(), 9u);
  const auto rebuilt = rebuild_run(replay_journal(journal.records()));
  EXPECT_EQ(rebuilt->trials.size(), 1u);  // up to the gap
  EXPECT_FALSE(rebuilt->verdict);
}

TEST_F(RunDirectory, RepairPutsPlaceholdersForAMissingSegment) {
  for (int start = 0; start < 2; ++start) Journal::open(journal_path(directory_.path()), ours);
  std::filesystem::remove(journal_path(directory_.path()) / "000002.bin");

  const JournalRepair repair = repair_journal(directory_.path());

  EXPECT_THAT(repair.damage, ElementsAre(HasSubstr("000002.bin is missing")));
  EXPECT_EQ(repair.lost, 1u);
  EXPECT_THAT(repair.incomplete, IsEmpty());
  EXPECT_EQ(Journal::open(journal_path(directory_.path()), ours).epoch(), 4u);
}

TEST_F(RunDirectory, RepairRefusesAJournalInUse) {
  damage(5);
  Journal other = Journal::open(directory_ / "other", ours);
  const std::filesystem::path journal = journal_path(directory_.path());
  std::filesystem::rename(journal, directory_ / "aside");
  std::filesystem::rename(directory_ / "other", journal);

  EXPECT_THROW(repair_journal(directory_.path()), InputError);
}

TEST_F(RunDirectory, RepairCutOffBeforeTheLastStepIsFinishedByTheNextStart) {
  const std::filesystem::path journal = journal_path(directory_.path());
  std::filesystem::rename(journal, journal.string() + ".repaired");

  EXPECT_EQ(Journal::open(journal, ours).records().size(), 9u);
}

TEST_F(RunDirectory, RepairSaysWhenThereIsNothingToRepair) {
  const ScratchDirectory empty;

  try {
    repair_journal(empty.path());
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("journal: there is no journal to repair"));
  }
}

}  // namespace
}  // namespace pare::test
