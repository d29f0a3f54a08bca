// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/core/error.hpp"
#include "scratch_directory.hpp"

namespace pare::test {
namespace {

using search::Journal;
using search::JournalEntry;
using search::JournalHeader;
using testing::HasSubstr;

const JournalHeader ours{"", "experiment-1", "model-1", "data-1", "build-1"};

JournalEntry entry(std::uint16_t type, std::size_t size) {
  return {type, std::vector<std::byte>(size, static_cast<std::byte>(type))};
}

/// Opens, or returns what the error says.
std::string error_of_opening(const std::filesystem::path& path, const JournalHeader& header = ours) {
  try {
    Journal::open(path, header);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

class JournalTest : public testing::Test {
 protected:
  ScratchDirectory directory;
  std::filesystem::path path = directory / "journal";
  std::filesystem::path segment = path / "000001.bin";

  /// Three records behind the epoch's; returns the size of the segment after the header, the epoch and each of them.
  std::vector<std::size_t> write_three() {
    std::vector<std::size_t> ends;
    Journal journal = Journal::open(path, ours);
    ends.push_back(search::scan_header(read_bytes(segment), "journal").bytes);
    ends.push_back(std::filesystem::file_size(segment));
    for (std::uint16_t type = 1; type <= 3; ++type) {
      journal.append(std::vector{entry(type, 7 * type)});
      ends.push_back(std::filesystem::file_size(segment));
    }
    return ends;
  }

  /// The journal as it was after the first start, with these bytes in its only segment.
  void reset(std::span<const std::byte> bytes) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
    write_bytes(segment, bytes);
  }

  std::string repair_advice() const {
    return "; `pare journal repair " + directory.path().string() + "` keeps all sound records and says what is lost";
  }
};

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  std::string run;
  {
    Journal journal = Journal::open(path, ours);
    run = journal.header().run;
    EXPECT_TRUE(journal.records().empty());
    EXPECT_EQ(journal.append(std::vector{entry(1, 5), entry(2, 0)}), 3u);
    EXPECT_EQ(journal.append(std::vector{entry(3, 100'000)}), 4u);
  }

  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(run.size(), 36u);
  EXPECT_EQ(journal.header().run, run);
  EXPECT_EQ(journal.header().model, "model-1");
  EXPECT_EQ(journal.epoch(), 2u);
  EXPECT_FALSE(journal.torn_tail());
  EXPECT_EQ(journal.last_sequence(), 5u);
  ASSERT_EQ(journal.records().size(), 4u);
  EXPECT_EQ(journal.records()[1].payload, entry(1, 5).payload);
  EXPECT_EQ(journal.records()[2].type, 2);
  EXPECT_EQ(journal.records()[3].sequence, 4u);
  EXPECT_EQ(journal.records()[3].payload, entry(3, 100'000).payload);
}

TEST_F(JournalTest, LeavesNoTemporaryFileBehind) {
  { const Journal journal = Journal::open(path, ours); }

  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(path)) names.insert(file.path().filename().string());
  EXPECT_EQ(names, (std::set<std::string>{"000001.bin", "lock", "owner"}));
}

TEST_F(JournalTest, GoesOnInFurtherSegments) {
  std::uint64_t written = 0;
  for (int start = 0; start < 2; ++start) {
    Journal journal = Journal::open(path, ours, {.segment_bytes = 2000});
    for (std::uint16_t i = 0; i < 40; ++i) journal.append(std::vector{entry(i, 100)});
    written = journal.last_sequence();
  }

  const search::JournalContents contents = search::read_journal(path);

  EXPECT_GE(search::segment_numbers(path).size(), 6u);
  EXPECT_EQ(contents.records.size(), written);
  EXPECT_EQ(written, 82u);
  EXPECT_EQ(contents.last->epoch, 2u);
  for (const std::uint64_t number : search::segment_numbers(path))
    EXPECT_LT(std::filesystem::file_size(search::segment_path(path, number)), 2200u);
}

TEST_F(JournalTest, RecoversExactlyTheRecordsBeforeEveryTruncation) {
  const std::vector<std::size_t> ends = write_three();
  const std::vector<std::byte> whole = read_bytes(segment);

  for (std::size_t size = ends[0]; size <= whole.size(); ++size) {
    reset(std::span(whole).first(size));
    const auto expected = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin() - 1);
    const bool torn = size != ends[expected];

    Journal journal = Journal::open(path, ours);

    ASSERT_EQ(journal.records().size(), expected) << "cut at " << size;
    ASSERT_EQ(journal.torn_tail().has_value(), torn) << "cut at " << size;
    ASSERT_EQ(std::filesystem::file_size(segment), ends[expected]);
    if (torn) {
      const auto tail = std::span(whole).first(size).subspan(ends[expected]);
      ASSERT_EQ(read_bytes(journal.torn_tail()->copy), std::vector(tail.begin(), tail.end()));
      ASSERT_EQ(journal.torn_tail()->copy, segment.string() + ".torn-" + std::to_string(expected + 1));
    }
    ASSERT_EQ(journal.append(std::vector{entry(9, 3)}), expected + 2);
  }
}

TEST_F(JournalTest, RefusesEveryTruncationOfItsHeader) {
  const std::size_t header = write_three()[0];
  const std::vector<std::byte> whole = read_bytes(segment);

  for (std::size_t size = 0; size < header; ++size) {
    reset(std::span(whole).first(size));
    ASSERT_NE(error_of_opening(path), "") << "cut at " << size;
  }
}

TEST_F(JournalTest, RefusesEveryTruncationOfASegmentThatOthersFollow) {
  const std::size_t header = write_three()[0];
  { const Journal second = Journal::open(path, ours); }
  const std::vector<std::byte> whole = read_bytes(segment);

  for (std::size_t size = header; size < whole.size(); ++size) {
    write_bytes(segment, std::span(whole).first(size));
    ASSERT_THAT(error_of_opening(path), HasSubstr("000001.bin is damaged at byte ")) << "cut at " << size;
  }
}

TEST_F(JournalTest, NeverAcceptsAFlippedBitInAnyByte) {
  const std::vector<std::size_t> ends = write_three();
  const std::vector<std::byte> whole = read_bytes(segment);

  for (std::size_t position = 0; position < whole.size(); ++position) {
    std::vector<std::byte> flipped = whole;
    flipped[position] ^= static_cast<std::byte>(1u << position % 8);
    reset(flipped);
    if (position < ends[3]) {
      ASSERT_NE(error_of_opening(path), "") << "byte " << position;
    } else {  // in the last record: no different from a torn write
      const Journal journal = Journal::open(path, ours);
      ASSERT_EQ(journal.records().size(), 3u) << "byte " << position;
      ASSERT_TRUE(journal.torn_tail());
    }
  }
}

TEST(JournalFormat, NeverAcceptsAnyFlippedBit) {
  const std::vector<std::byte> header = search::encode_header({.journal = ours, .owner = "host: a\n"});
  std::vector<std::byte> whole = header;
  for (std::uint16_t type = 1; type <= 3; ++type) {
    const auto record = search::encode_record({type, type, entry(type, 7).payload});
    whole.insert(whole.end(), record.begin(), record.end());
  }

  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::vector<std::byte> flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    if (bit / 8 < header.size()) {
      ASSERT_THROW(search::scan_header(flipped, "journal"), InputError) << "bit " << bit;
    } else {
      const search::RecordScan scan = search::scan_records(flipped, header.size());
      ASSERT_EQ(scan.records.size(), 2u) << "bit " << bit;
      ASSERT_EQ(scan.gaps.size(), 1u) << "bit " << bit;
    }
  }
}

TEST_F(JournalTest, SaysWhereItIsDamagedAndWhatToDo) {
  const std::vector<std::size_t> ends = write_three();
  std::vector<std::byte> bytes = read_bytes(segment);
  bytes[ends[2] + 20] ^= std::byte{1};
  reset(bytes);

  EXPECT_EQ(error_of_opening(path), segment.string() + " is damaged at byte " + std::to_string(ends[2]) + ", where " +
                                        std::to_string(ends[3] - ends[2]) +
                                        " bytes are no record, although sound records follow at byte " +
                                        std::to_string(ends[3]) + repair_advice());
  EXPECT_EQ(read_bytes(segment), bytes);
  EXPECT_EQ(search::segment_numbers(path).size(), 1u);
}

TEST_F(JournalTest, RefusesAMissingOrRepeatedRecord) {
  const std::vector<std::size_t> ends = write_three();
  const std::vector<std::byte> whole = read_bytes(segment);
  std::vector<std::byte> missing = whole;
  missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(ends[1]),
                missing.begin() + static_cast<std::ptrdiff_t>(ends[2]));
  std::vector<std::byte> repeated = whole;
  repeated.insert(repeated.end(), whole.begin() + static_cast<std::ptrdiff_t>(ends[3]), whole.end());

  reset(missing);
  EXPECT_THAT(error_of_opening(path), HasSubstr("record 3 follows record 1"));
  reset(repeated);
  EXPECT_THAT(error_of_opening(path), HasSubstr("record 4 follows record 4"));
}

TEST_F(JournalTest, RefusesAMissingSegment) {
  for (int start = 0; start < 3; ++start) Journal::open(path, ours);
  std::filesystem::remove(path / "000002.bin");

  EXPECT_EQ(error_of_opening(path), (path / "000002.bin").string() +
                                        " is damaged: it is missing, although 000003.bin is there" + repair_advice());
}

TEST_F(JournalTest, RefusesASegmentOfAnotherRun) {
  Journal::open(path, ours);
  Journal::open(directory / "other", ours);
  Journal::open(directory / "other", ours);
  std::filesystem::copy_file(directory / "other" / "000002.bin", path / "000002.bin");

  EXPECT_THAT(error_of_opening(path), HasSubstr("000002.bin is damaged: it is segment 2 of run "));
}

TEST_F(JournalTest, CutsZerosBehindItsRecords) {
  const std::vector<std::size_t> ends = write_three();
  std::vector<std::byte> bytes = read_bytes(segment);
  bytes.resize(bytes.size() + 4096);  // a file that grew before its data reached the disk
  reset(bytes);

  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(journal.records().size(), 4u);
  ASSERT_TRUE(journal.torn_tail());
  EXPECT_EQ(journal.torn_tail()->offset, ends[4]);
  EXPECT_EQ(journal.torn_tail()->bytes, 4096u);
}

TEST_F(JournalTest, CutsABatchOfWhichAPowerCutKeptTheEnd) {
  std::size_t start = 0;
  {
    Journal journal = Journal::open(path, ours);
    journal.append(std::vector{entry(1, 10)});
    start = std::filesystem::file_size(segment);
    journal.append(std::vector{entry(1, 600), entry(2, 10), entry(3, 10)});
  }
  std::vector<std::byte> bytes = read_bytes(segment);
  bytes[start + 100] ^= std::byte{1};
  reset(bytes);

  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(journal.records().size(), 2u);
  ASSERT_TRUE(journal.torn_tail());
  EXPECT_EQ(journal.torn_tail()->offset, start);
  EXPECT_EQ(journal.torn_tail()->bytes, bytes.size() - start);
}

TEST_F(JournalTest, StopsWhenALaterStartHasTakenOver) {
  Journal early = Journal::open(path, ours);
  early.append(std::vector{entry(1, 10)});
  // As a process on another machine does that has waited long enough.
  search::SegmentHeader next = search::read_journal(path).last.value();
  ++next.number;
  ++next.epoch;
  std::vector<std::byte> bytes = search::encode_header(next);
  const auto record = search::encode_record({3, 1, entry(1, 20).payload});
  bytes.insert(bytes.end(), record.begin(), record.end());
  write_bytes(path / "000002.bin", bytes);

  EXPECT_THROW(early.append(std::vector{entry(1, 30)}), search::JournalError);
  EXPECT_THROW(early.append(std::vector{entry(1, 30)}), search::JournalError);

  const search::JournalContents contents = search::read_journal(path);
  ASSERT_EQ(contents.records.size(), 3u);
  EXPECT_EQ(contents.records[2].payload.size(), 20u);
}

TEST_F(JournalTest, StopsWhenItWasRemoved) {
  Journal journal = Journal::open(path, ours);
  std::filesystem::remove_all(path);

  try {
    journal.append(std::vector{entry(1, 10)});
    FAIL();
  } catch (const search::JournalError& error) {
    EXPECT_EQ(error.what(), segment.string() + " was removed while the search ran");
  }
}

TEST_F(JournalTest, RefusesAFileThatIsNoJournal) {
  reset(std::as_bytes(std::span("model: {path: .}\nmore text here")));

  EXPECT_THAT(error_of_opening(path), HasSubstr("is not a journal of pare"));
}

TEST_F(JournalTest, NamesWhatDiffersAndWhatToDo) {
  write_three();
  JournalHeader other = ours;

  other.experiment = "experiment-2";
  EXPECT_EQ(error_of_opening(path, other),
            path.string() +
                " belongs to another experiment (its hash is experiment-1, this one is experiment-2): continue it "
                "with the same YAML, or choose another --output directory");
  other = ours;
  other.model = "model-2";
  EXPECT_THAT(error_of_opening(path, other), HasSubstr("belongs to another model (its hash is model-1"));
  other = ours;
  other.data = "data-2";
  EXPECT_THAT(error_of_opening(path, other), HasSubstr("belongs to another data (its hash is data-1"));
  other = ours;
  other.build = "build-2";
  EXPECT_THAT(error_of_opening(path, other), HasSubstr("belongs to another build (its hash is build-1"));
}

TEST_F(JournalTest, RefusesASecondWriterAndNamesTheFirst) {
  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(error_of_opening(path), path.string() + " is in use by another pare, " + describe(journal.owner()) +
                                        ": wait for that run, stop it, or choose another --output directory");
}

TEST_F(JournalTest, RefusesAJournalOfVersionOne) {
  write_bytes(directory / "journal.bin", std::as_bytes(std::span("PAREJRNL")));

  EXPECT_THAT(error_of_opening(path), HasSubstr("journal.bin is a journal of version 1"));
}

TEST_F(JournalTest, SaysWhyItCannotBeCreated) {
  EXPECT_THAT(error_of_opening(directory / "missing" / "journal"), HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace pare::test
