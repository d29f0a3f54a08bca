// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "search/store/fence.hpp"
#include "search/store/journal_format.hpp"
#include "search/store/journal_reader.hpp"
#include "search/store/posix_file.hpp"

namespace pare::search {

/// A record before it has a sequence number; store/records.hpp makes them.
struct JournalEntry {
  std::uint16_t type = 0;
  std::vector<std::byte> payload;
};

/// What a crash left half written. It was never acknowledged; it is kept aside, cut off, and reported.
struct TornTail {
  std::filesystem::path copy;
  std::filesystem::path file;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

struct JournalSettings {
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;  ///< a segment that has reached them is followed by another
  FenceSettings fence = {};
};

/// The truth of a run: an append-only directory of everything that was evaluated. Whatever else is stored is
/// derived from it.
///
/// Used by rank 0 alone, one thread at a time. One process at a time can have it open (store/fence.hpp); a crashed run
/// does not lock its successor out.
///
///   Journal journal = Journal::open(output / "journal", {.experiment = ..., .model = ..., .data = ...,
///   .build = ...}); for (const JournalRecord& record : journal.records()) replay(decode_record(record));
///   journal.append(entries);   // when it returns, the entries are on the disk
class Journal {
 public:
  /// Continues the journal in the directory `path`, or creates it, with a new segment. A segment is made under a
  /// temporary name, synced, and only then linked, so that it always has a whole header. A new journal gets a fresh UUID
  /// where `wanted.run` is empty, an old one keeps its own. The first record of the new segment is an Epoch.
  ///
  /// Throws InputError, one line: it is in use, by whom; it is damaged other than at its end; it belongs to another
  /// experiment, model, data, build or version (which, and what to do); the path cannot be written. Throws JournalError
  /// when the disk fails.
  static Journal open(const std::filesystem::path& path, const JournalHeader& wanted,
                      const JournalSettings& settings = {});

  const JournalHeader& header() const { return header_.journal; }
  /// Counts the starts of the run, this one included.
  std::uint64_t epoch() const { return header_.epoch; }
  const Owner& owner() const { return fence_->owner(); }
  /// What was in it when it was opened.
  const std::vector<JournalRecord>& records() const { return records_; }
  const std::optional<TornTail>& torn_tail() const { return torn_tail_; }

  /// Writes a batch with one write and one fdatasync. Returns the sequence of its last record; returning
  /// means that they are kept. Throws JournalError, after which the journal takes nothing more (a failed fsync may not
  /// be tried again on the same descriptor): the disk failed, the file was removed, or a later start of the run has
  /// taken the directory over.
  std::uint64_t append(std::span<const JournalEntry> entries);

  std::uint64_t last_sequence() const { return last_sequence_; }

 private:
  Journal(std::filesystem::path path, const JournalSettings& settings, std::unique_ptr<Fence> fence)
      : path_(std::move(path)), settings_(settings), fence_(std::move(fence)) {}

  void succeed(const JournalContents& contents, const JournalHeader& wanted);
  /// False when another process has made that segment.
  bool begin_segment();
  void cut(const JournalTail& tail);
  void write(std::span<const std::byte> batch);
  [[noreturn]] void stop(const std::string& reason) const;

  std::filesystem::path path_;
  JournalSettings settings_;
  std::unique_ptr<Fence> fence_;
  SegmentHeader header_;  ///< of the segment that is written
  std::optional<PosixFile> file_;
  std::uint64_t file_bytes_ = 0;
  std::vector<JournalRecord> records_;
  std::optional<TornTail> torn_tail_;
  std::uint64_t last_sequence_ = 0;
  bool failed_ = false;
};

}  // namespace pare::search
