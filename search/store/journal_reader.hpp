// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "search/store/journal_format.hpp"

namespace pare::search {

/// A journal is a directory of segments, 000001.bin, 000002.bin, ... Each has one writer and is never touched by
/// another, so a writer that lost the directory without knowing it (a stopped process, a machine cut off) can only add
/// to a segment that is over: a segment ends where the first record of the segments behind it says.

/// What a crash left half written at the end of a journal. It was never acknowledged.
struct JournalTail {
  std::filesystem::path file;
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

struct JournalContents {
  std::optional<SegmentHeader> last;  ///< of the last segment; nothing: there is no segment yet
  std::uint64_t last_bytes = 0;       ///< size of that segment when it was read
  std::vector<JournalRecord> records;
  std::optional<JournalTail> tail;
};

/// One segment as it lies there. `header` has no value where it is damaged, `header_error` says how.
struct Segment {
  std::filesystem::path file;
  std::optional<HeaderScan> header;
  std::string header_error;
  RecordScan scan;
  std::size_t bytes = 0;
};

std::filesystem::path segment_path(const std::filesystem::path& journal, std::uint64_t number);

/// The numbers of the segments that are there, ascending; none when the directory is not there.
std::vector<std::uint64_t> segment_numbers(const std::filesystem::path& journal);

/// Reads a segment with whatever damage it has. Throws InputError when it cannot be read, or is of another version.
Segment read_segment(const std::filesystem::path& file);

/// All acknowledged records, while another process may be writing. Throws InputError, one line with file, offset and
/// the command that repairs it: a segment is missing, a header is damaged, records are missing or damaged although
/// sound ones follow. That cannot come from a crash, so nothing is guessed.
JournalContents read_journal(const std::filesystem::path& journal);

}  // namespace pare::search
