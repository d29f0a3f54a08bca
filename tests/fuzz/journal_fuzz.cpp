// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "search/store/journal_format.hpp"
#include "search/store/records.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

namespace {

using Bytes = std::vector<std::byte>;

/// Any bytes as a segment.
void scan_raw(std::span<const std::byte> segment) {
  fuzz::accepts([&] {
    const search::HeaderScan header = search::scan_header(segment, "000001.bin");
    fuzz::require(header.bytes <= segment.size(), "a header is no longer than its file");
    for (const search::JournalRecord& record : search::scan_records(segment, header.bytes).records)
      search::decode_record(record);
  });
}

/// The bytes cut into payloads: u8 type | u8 length | payload. Checksums are right, as in the journal of a liar.
std::vector<search::JournalRecord> cut(std::span<const std::byte> bytes) {
  std::vector<search::JournalRecord> records;
  while (bytes.size() >= 2) {
    const auto type = static_cast<std::uint16_t>(bytes[0]);
    const std::size_t length = std::min(static_cast<std::size_t>(bytes[1]), bytes.size() - 2);
    const auto payload = bytes.subspan(2, length);
    records.push_back({records.size() + 1, type, Bytes(payload.begin(), payload.end())});
    bytes = bytes.subspan(2 + length);
  }
  return records;
}

/// Fields that an older version did not write get their defaults, once.
void check_record(const search::JournalRecord& record) {
  fuzz::accepts([&] {
    const search::JournalEntry once = search::journal_entry(search::decode_record(record));
    const search::JournalEntry twice = search::journal_entry(search::decode_record({1, once.type, once.payload}));
    fuzz::require(once.type == record.type && twice.payload == once.payload, "a record reads back as itself");
  });
}

/// Where record `r` of a scan ends: behind magic, length, sequence, position, type, payload and checksum.
std::size_t end_of(const search::RecordScan& scan, std::size_t r) {
  return scan.offsets[r] + 4 + 4 + 8 + 4 + 2 + scan.records[r].payload.size() + 4;
}

/// A record with one wrong bit is not accepted, and a segment that is cut off keeps the whole records before the cut.
/// What a damaged record carries may look like a record itself: no promise is made of that.
void check_damage(Bytes segment, std::size_t header_bytes, const search::RecordScan& sound, std::uint32_t place) {
  const std::vector<search::JournalRecord>& records = sound.records;
  const std::size_t at = header_bytes + place / 8 % (segment.size() - header_bytes);
  segment[at] ^= std::byte{1} << (place % 8);
  const search::RecordScan damaged = search::scan_records(segment, header_bytes);
  for (std::size_t r = 0; r < sound.records.size(); ++r) {
    if (at < sound.offsets[r] || at >= end_of(sound, r)) continue;
    fuzz::require(std::ranges::find(damaged.offsets, sound.offsets[r]) == damaged.offsets.end(),
                  "no damaged record is accepted");
  }

  segment.resize(at);
  const search::RecordScan cut = search::scan_records(segment, header_bytes);
  for (std::size_t r = 0; r < records.size() && r < cut.records.size() && cut.gaps.empty(); ++r)
    fuzz::require(cut.records[r].payload == records[r].payload, "a segment that is cut off keeps whole records");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes_of(data, size);
  scan_raw(bytes);
  std::uint32_t place = 0;
  if (size <= sizeof place) return 0;
  std::memcpy(&place, data, sizeof place);
  const std::vector<search::JournalRecord> records = cut(bytes.subspan(sizeof place));
  if (records.empty()) return 0;
  Bytes segment = search::encode_header({{"run", "experiment", "model", "data", "build"}, 1, 1, "owner"});
  const std::size_t header_bytes = segment.size();
  for (const search::JournalRecord& record : records) {
    check_record(record);
    const Bytes encoded = search::encode_record(record);
    segment.insert(segment.end(), encoded.begin(), encoded.end());
  }
  const search::RecordScan scan = search::scan_records(segment, search::scan_header(segment, "000001.bin").bytes);
  fuzz::require(scan.records.size() == records.size() && scan.gaps.empty(), "a whole segment is read to its end");
  check_damage(std::move(segment), header_bytes, scan, place);
  return 0;
}
