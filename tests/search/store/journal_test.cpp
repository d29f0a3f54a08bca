// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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
  std::filesystem::path path = directory / "journal.bin";

  /// Three records; returns the size of the file after the header and after each of them.
  std::vector<std::size_t> write_three() {
    std::vector<std::size_t> ends;
    Journal journal = Journal::open(path, ours);
    ends.push_back(std::filesystem::file_size(path));
    for (std::uint16_t type = 1; type <= 3; ++type) {
      journal.append(std::vector{entry(type, 7 * type)});
      ends.push_back(std::filesystem::file_size(path));
    }
    return ends;
  }
};

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  std::string run;
  {
    Journal journal = Journal::open(path, ours);
    run = journal.header().run;
    EXPECT_TRUE(journal.records().empty());
    EXPECT_EQ(journal.append(std::vector{entry(1, 5), entry(2, 0)}), 2u);
    EXPECT_EQ(journal.append(std::vector{entry(3, 100'000)}), 3u);
  }

  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(run.size(), 36u);
  EXPECT_EQ(journal.header().run, run);
  EXPECT_EQ(journal.header().model, "model-1");
  EXPECT_FALSE(journal.torn_tail());
  EXPECT_EQ(journal.last_sequence(), 3u);
  ASSERT_EQ(journal.records().size(), 3u);
  EXPECT_EQ(journal.records()[0].payload, entry(1, 5).payload);
  EXPECT_EQ(journal.records()[1].type, 2);
  EXPECT_EQ(journal.records()[2].sequence, 3u);
  EXPECT_EQ(journal.records()[2].payload, entry(3, 100'000).payload);
}

TEST_F(JournalTest, LeavesNoTemporaryFileBehind) {
  { const Journal journal = Journal::open(path, ours); }

  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1);
}

TEST_F(JournalTest, RecoversExactlyTheRecordsBeforeEveryTruncation) {
  const std::vector<std::size_t> ends = write_three();
  const std::vector<std::byte> whole = read_bytes(path);

  for (std::size_t size = ends[0]; size <= whole.size(); ++size) {
    write_bytes(path, std::span(whole).first(size));
    const auto expected = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin() - 1);
    const bool torn = size != ends[expected];

    Journal journal = Journal::open(path, ours);

    ASSERT_EQ(journal.records().size(), expected) << "cut at " << size;
    ASSERT_EQ(journal.torn_tail().has_value(), torn) << "cut at " << size;
    ASSERT_EQ(std::filesystem::file_size(path), ends[expected]);
    if (torn) {
      const auto tail = std::span(whole).first(size).subspan(ends[expected]);
      ASSERT_EQ(read_bytes(journal.torn_tail()->copy), std::vector(tail.begin(), tail.end()));
      ASSERT_EQ(journal.torn_tail()->copy, path.string() + ".torn-" + std::to_string(expected + 1));
    }
    ASSERT_EQ(journal.append(std::vector{entry(9, 3)}), expected + 1);
  }
}

TEST_F(JournalTest, RefusesEveryTruncationOfItsHeader) {
  const std::size_t header = write_three()[0];
  const std::vector<std::byte> whole = read_bytes(path);

  for (std::size_t size = 0; size < header; ++size) {
    write_bytes(path, std::span(whole).first(size));
    ASSERT_NE(error_of_opening(path), "") << "cut at " << size;
  }
}

TEST_F(JournalTest, NeverAcceptsAFlippedBitInAnyByte) {
  const std::vector<std::size_t> ends = write_three();
  const std::vector<std::byte> whole = read_bytes(path);

  for (std::size_t position = 0; position < whole.size(); ++position) {
    std::vector<std::byte> flipped = whole;
    flipped[position] ^= static_cast<std::byte>(1u << position % 8);
    write_bytes(path, flipped);
    if (position < ends[2]) {
      ASSERT_NE(error_of_opening(path), "") << "byte " << position;
    } else {  // in the last record: no different from a torn write
      const Journal journal = Journal::open(path, ours);
      ASSERT_EQ(journal.records().size(), 2u) << "byte " << position;
      ASSERT_TRUE(journal.torn_tail());
    }
  }
}

TEST(JournalFormat, NeverAcceptsAnyFlippedBit) {
  std::vector<std::byte> whole = search::encode_header(ours);
  std::size_t last = 0;
  for (std::uint16_t type = 1; type <= 3; ++type) {
    last = whole.size();
    const auto record = search::encode_record({type, type, entry(type, 7).payload});
    whole.insert(whole.end(), record.begin(), record.end());
  }

  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::vector<std::byte> flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    if (bit / 8 < last)
      ASSERT_THROW(search::scan_journal(flipped, "journal"), InputError) << "bit " << bit;
    else
      ASSERT_EQ(search::scan_journal(flipped, "journal").sound_bytes, last) << "bit " << bit;
  }
}

TEST_F(JournalTest, SaysWhereItIsDamaged) {
  const std::vector<std::size_t> ends = write_three();
  std::vector<std::byte> bytes = read_bytes(path);
  bytes[ends[1] + 20] ^= std::byte{1};
  write_bytes(path, bytes);

  EXPECT_EQ(error_of_opening(path), path.string() + " is damaged at byte " + std::to_string(ends[1]) +
                                        " although a sound record follows at byte " + std::to_string(ends[2]) +
                                        ": it must not be trusted; restore it from a copy, or choose another --output "
                                        "directory");
  EXPECT_EQ(read_bytes(path), bytes);
}

TEST_F(JournalTest, RefusesAMissingOrRepeatedRecord) {
  const std::vector<std::size_t> ends = write_three();
  const std::vector<std::byte> whole = read_bytes(path);
  std::vector<std::byte> missing = whole;
  missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(ends[0]),
                missing.begin() + static_cast<std::ptrdiff_t>(ends[1]));
  std::vector<std::byte> repeated = whole;
  repeated.insert(repeated.end(), whole.begin() + static_cast<std::ptrdiff_t>(ends[2]), whole.end());

  write_bytes(path, missing);
  EXPECT_THAT(error_of_opening(path), HasSubstr("record 2 follows record 0"));
  write_bytes(path, repeated);
  EXPECT_THAT(error_of_opening(path), HasSubstr("record 3 follows record 3"));
}

TEST_F(JournalTest, CutsZerosBehindItsRecords) {
  const std::vector<std::size_t> ends = write_three();
  std::vector<std::byte> bytes = read_bytes(path);
  bytes.resize(bytes.size() + 4096);  // a file that grew before its data reached the disk
  write_bytes(path, bytes);

  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(journal.records().size(), 3u);
  ASSERT_TRUE(journal.torn_tail());
  EXPECT_EQ(journal.torn_tail()->offset, ends[3]);
  EXPECT_EQ(journal.torn_tail()->bytes, 4096u);
}

TEST_F(JournalTest, RefusesAFileThatIsNoJournal) {
  write_bytes(path, std::as_bytes(std::span("model: {path: .}\nmore text here")));

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

TEST_F(JournalTest, RefusesASecondWriter) {
  const Journal journal = Journal::open(path, ours);

  EXPECT_EQ(
      error_of_opening(path),
      path.string() + " is in use by another pare: wait for that run, stop it, or choose another --output directory");
}

TEST_F(JournalTest, SaysWhyItCannotBeCreated) {
  EXPECT_THAT(error_of_opening(directory / "missing" / "journal.bin"), HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace pare::test
