// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pare::search {

/// The bytes of a journal, without the file around them.
///
///   file    = header record*
///   header  = "PAREJRNL" | u32 version | u32 length | 5 strings, `length` bytes in all | u32 crc
///   string  = u32 length | UTF-8 bytes
///   record  = u32 magic | u32 length | u64 sequence | u16 type | payload, `length` bytes | u32 crc
///
/// Little-endian, no padding. A crc is CRC32C (polynomial 0x1EDC6F41, reflected) over everything of the
/// header or record before it. Sequences count 1, 2, 3, ... without gaps. A record without its crc was never
/// acknowledged.

/// Who a journal belongs to. `run` is a UUID; the others are hashes, equal strings meaning equal things.
struct JournalHeader {
  std::string run;
  std::string experiment;  ///< all of the resolved YAML that can change a result
  std::string model;
  std::string data;   ///< the evaluation windows
  std::string build;  ///< sources, compiler and instruction set: results are bit-equal within one build only
};

struct JournalRecord {
  std::uint64_t sequence = 0;
  std::uint16_t type = 0;
  std::vector<std::byte> payload;
};

inline constexpr std::uint32_t journal_version = 1;
inline constexpr std::size_t largest_payload = std::size_t{256} << 20;

std::vector<std::byte> encode_header(const JournalHeader& header);
std::vector<std::byte> encode_record(const JournalRecord& record);

/// What a journal holds. Bytes from `sound_bytes` on are a torn tail: the end of a write that was cut off,
/// with no sound record in it.
struct JournalScan {
  JournalHeader header;
  std::vector<JournalRecord> records;
  std::size_t sound_bytes = 0;
};

/// Throws InputError, naming `name` and the offset: no journal, another version, a damaged header, or a
/// damaged record with a sound one behind it. The last cannot come from a crash; some of the acknowledged
/// results are lost, so nothing is guessed.
JournalScan scan_journal(std::span<const std::byte> file, const std::string& name);

}  // namespace pare::search
