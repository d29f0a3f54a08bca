// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "search/store/journal_format.hpp"
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
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

/// The truth of a run: an append-only file of everything that was evaluated. Whatever else is stored is
/// derived from it.
///
/// Used by rank 0 alone, one thread at a time. Holds an exclusive lock on the file as long as it lives; the
/// kernel drops it even after a SIGKILL, so a crashed run never locks its successor out.
///
///   Journal journal = Journal::open(output / "journal.bin", {.experiment = ..., .model = ..., .data = ...,
///   .build = ...}); for (const JournalRecord& record : journal.records()) replay(decode_record(record));
///   journal.append(entries);   // when it returns, the entries are on the disk
class Journal {
 public:
  /// Continues the journal at `path`, or creates it: under a temporary name, synced, and only then linked, so
  /// that a journal always has a whole header. `wanted.run` is ignored; a new journal gets a fresh UUID, an
  /// old one keeps its own.
  ///
  /// Throws InputError, one line: it is in use; it is damaged other than at its end; it belongs to another
  /// experiment, model, data or build (which, and what to do); the path cannot be written. Throws
  /// JournalError when the disk fails.
  static Journal open(const std::filesystem::path& path, const JournalHeader& wanted);

  const JournalHeader& header() const { return header_; }
  /// What was in the file when it was opened.
  const std::vector<JournalRecord>& records() const { return records_; }
  const std::optional<TornTail>& torn_tail() const { return torn_tail_; }

  /// Writes a batch with one write and one fdatasync. Returns the sequence of its last record; returning
  /// means that they are kept. After a JournalError the journal takes nothing more: a failed fsync may not be
  /// tried again on the same descriptor.
  std::uint64_t append(std::span<const JournalEntry> entries);

  std::uint64_t last_sequence() const { return last_sequence_; }

 private:
  explicit Journal(PosixFile file) : file_(std::move(file)) {}

  static std::optional<Journal> create(const std::filesystem::path& path, JournalHeader header);
  void recover(const JournalHeader& wanted);
  void cut_torn_tail(std::span<const std::byte> tail, std::uint64_t offset);

  PosixFile file_;
  JournalHeader header_;
  std::vector<JournalRecord> records_;
  std::optional<TornTail> torn_tail_;
  std::uint64_t last_sequence_ = 0;
  bool failed_ = false;
};

}  // namespace pare::search
