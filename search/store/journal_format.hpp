// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pare::search {

/// The bytes of a segment of a journal, without the files around them.
///
///   segment = header record*
///   header  = "PAREJRNL" | u32 version | u32 length | content, `length` bytes | u32 crc
///   content = strings run, experiment, model, data, build | u64 number | u64 epoch | string owner
///   string  = u32 length | UTF-8 bytes
///   record  = u32 magic | u32 length | u64 sequence | u32 position | u16 type | payload, `length` bytes | u32 crc
///
/// Little-endian, no padding. A crc is CRC32C (polynomial 0x1EDC6F41, reflected) over everything of the
/// header or record before it. Sequences count 1, 2, 3, ... without gaps, on through the segments. A record without
/// its crc was never acknowledged. Records that were written at once, a batch, count their position from 0: a power cut may
/// keep the end of a batch and not its start, and none of it was acknowledged then.

/// Who a journal belongs to. `run` is a UUID; the others are hashes, equal strings meaning equal things.
struct JournalHeader {
  std::string run;
  std::string experiment;  ///< all of the resolved YAML that can change a result
  std::string model;
  std::string data;   ///< the evaluation windows
  std::string build;  ///< sources, compiler and instruction set: results are bit-equal within one build only
};

struct SegmentHeader {
  JournalHeader journal;
  std::uint64_t number = 1;  ///< of the segment: 1, 2, 3, ...
  std::uint64_t epoch = 1;   ///< counts the starts of the run; every start begins a new segment
  std::string owner;         ///< the process that writes it, store/owner.hpp
};

struct JournalRecord {
  std::uint64_t sequence = 0;
  std::uint16_t type = 0;
  std::vector<std::byte> payload;
  std::uint32_t position = 0;  ///< in its batch

  /// The sequence of the first record of the batch.
  std::uint64_t batch() const { return sequence - position; }
};

inline constexpr std::uint32_t journal_version = 2;
inline constexpr std::size_t largest_payload = std::size_t{256} << 20;

std::vector<std::byte> encode_header(const SegmentHeader& header);
std::vector<std::byte> encode_record(const JournalRecord& record);

/// Bytes that are no sound record.
struct Gap {
  std::size_t offset = 0;
  std::size_t bytes = 0;
};

/// The sound records of a segment, each with its offset, and what lies between and behind them.
struct RecordScan {
  std::vector<JournalRecord> records;
  std::vector<std::size_t> offsets;  ///< by record
  std::vector<Gap> gaps;             ///< ascending; two never touch
};

struct HeaderScan {
  SegmentHeader header;
  std::size_t bytes = 0;  ///< of the header
};

/// Throws InputError, with `name` as its subject: no journal, another version, a damaged header.
HeaderScan scan_header(std::span<const std::byte> segment, const std::string& name);

/// From `offset` to the end. Never throws for what the bytes are.
RecordScan scan_records(std::span<const std::byte> segment, std::size_t offset);

}  // namespace pare::search
