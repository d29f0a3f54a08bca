// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "search/store/journal_format.hpp"
#include "search/store/records.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

namespace {

using Bytes = std::vector<std::byte>;

/// Any bytes as a journal.
void scan_raw(std::span<const std::byte> file) {
  fuzz::accepts([&] {
    const search::JournalScan scan = search::scan_journal(file, "journal.bin");
    fuzz::require(scan.sound_bytes <= file.size(), "a journal is no longer than its file");
    for (const search::JournalRecord& record : scan.records) search::decode_record(record);
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

void check_record(const search::JournalRecord& record) {
  fuzz::accepts([&] {
    const search::JournalEntry again = search::journal_entry(search::decode_record(record));
    fuzz::require(again.type == record.type && again.payload == record.payload, "a record reads back as itself");
  });
}

/// What is damaged at one place is refused, or ends before that place.
void check_damage(Bytes file, const std::vector<search::JournalRecord>& records, std::uint32_t place) {
  const std::size_t at = place / 8 % file.size();
  file[at] ^= std::byte{1} << (place % 8);
  fuzz::accepts([&] {
    const search::JournalScan scan = search::scan_journal(file, "journal.bin");
    fuzz::require(scan.records.size() < records.size() && scan.sound_bytes <= at, "no damaged record is accepted");
  });
  file.resize(at);
  fuzz::accepts([&] {
    const search::JournalScan scan = search::scan_journal(file, "journal.bin");
    fuzz::require(scan.records.size() <= records.size(), "a cut journal has no more records");
    for (std::size_t r = 0; r < scan.records.size(); ++r)
      fuzz::require(scan.records[r].payload == records[r].payload, "a cut journal keeps whole records");
  });
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
  Bytes file = search::encode_header({"run", "experiment", "model", "data", "build"});
  for (const search::JournalRecord& record : records) {
    check_record(record);
    const Bytes encoded = search::encode_record(record);
    file.insert(file.end(), encoded.begin(), encoded.end());
  }
  fuzz::require(search::scan_journal(file, "journal.bin").records.size() == records.size(),
                "a whole journal is read to its end");
  check_damage(std::move(file), records, place);
  return 0;
}
