// SPDX-License-Identifier: Apache-2.0
#include "search/store/journal_format.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "framework/io/crc32c.hpp"
#include "search/store/byte_codec.hpp"

namespace pare::search {
namespace {

using framework::crc32c;
using Bytes = std::span<const std::byte>;

constexpr std::string_view file_magic = "PAREJRNL";
constexpr std::uint32_t record_magic = 0xb5'52'43'9a;    // no UTF-8 text and no small number looks like this
constexpr std::size_t header_frame = 8 + 4 + 4;          // before the strings
constexpr std::size_t record_frame = 4 + 4 + 8 + 4 + 2;  // before the payload
constexpr std::size_t crc_bytes = 4;

std::uint32_t u32_at(Bytes bytes, std::size_t offset) {
  std::uint32_t value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// The length of the frame, its content and its checksum, if they are all there and agree.
std::optional<std::size_t> sound_length(Bytes bytes, std::size_t frame, std::size_t content) {
  const std::size_t length = frame + content;
  if (bytes.size() < length + crc_bytes) return std::nullopt;
  if (u32_at(bytes, length) != crc32c(bytes.first(length))) return std::nullopt;
  return length + crc_bytes;
}

std::optional<std::size_t> sound_record_length(Bytes bytes) {
  if (bytes.size() < record_frame + crc_bytes || u32_at(bytes, 0) != record_magic) return std::nullopt;
  const std::size_t payload = u32_at(bytes, 4);
  if (payload > largest_payload) return std::nullopt;
  return sound_length(bytes, record_frame, payload);
}

/// Where the first sound record starts, at or behind `offset`.
std::optional<std::size_t> find_sound_record(Bytes file, std::size_t offset) {
  std::array<std::byte, 4> magic;
  std::memcpy(magic.data(), &record_magic, magic.size());
  for (auto from = file.begin() + static_cast<std::ptrdiff_t>(offset);; ++from) {
    from = std::search(from, file.end(), magic.begin(), magic.end());
    if (from == file.end()) return std::nullopt;
    const auto found = static_cast<std::size_t>(from - file.begin());
    if (sound_record_length(file.subspan(found))) return found;
  }
}

}  // namespace

std::vector<std::byte> encode_header(const SegmentHeader& header) {
  const JournalHeader& journal = header.journal;
  ByteWriter content;
  for (const std::string* text : {&journal.run, &journal.experiment, &journal.model, &journal.data, &journal.build})
    content.string(*text);
  content.number(header.number);
  content.number(header.epoch);
  content.string(header.owner);
  ByteWriter writer;
  writer.raw(std::as_bytes(std::span(file_magic)));
  writer.number(journal_version);
  writer.number(static_cast<std::uint32_t>(content.bytes().size()));
  writer.raw(content.bytes());
  writer.number(crc32c(writer.bytes()));
  return writer.take();
}

std::vector<std::byte> encode_record(const JournalRecord& record) {
  EXPECT(record.payload.size() <= largest_payload, "a record of ", record.payload.size(), " bytes");
  ByteWriter writer;
  writer.number(record_magic);
  writer.number(static_cast<std::uint32_t>(record.payload.size()));
  writer.number(record.sequence);
  writer.number(record.position);
  writer.number(record.type);
  writer.raw(record.payload);
  writer.number(crc32c(writer.bytes()));
  return writer.take();
}

HeaderScan scan_header(Bytes segment, const std::string& name) {
  const Bytes start = segment.first(std::min(segment.size(), file_magic.size()));
  VALIDATE(std::equal(start.begin(), start.end(), file_magic.begin(), file_magic.end(),
                      [](std::byte a, char b) { return a == static_cast<std::byte>(b); }),
           name, " is not a journal of pare (its first bytes are not ", file_magic,
           "): choose another --output directory");
  VALIDATE(segment.size() >= header_frame, name, " is damaged: its header is cut off, it must not be trusted");
  const std::uint32_t version = u32_at(segment, 8);
  VALIDATE(version == journal_version, name, " has journal version ", version, ", this pare reads version ",
           journal_version, ": use the pare that wrote it, or another --output directory");
  const std::size_t content = u32_at(segment, 12);
  const auto total = sound_length(segment, header_frame, content);
  VALIDATE(total.has_value(), name, " is damaged in its header (checksum), it must not be trusted");
  ByteReader reader(segment.subspan(header_frame, content), name);
  HeaderScan scan;
  JournalHeader& journal = scan.header.journal;
  for (std::string* text : {&journal.run, &journal.experiment, &journal.model, &journal.data, &journal.build})
    *text = reader.string();
  scan.header.number = reader.number<std::uint64_t>();
  scan.header.epoch = reader.number<std::uint64_t>();
  scan.header.owner = reader.string();
  reader.expect_end();
  scan.bytes = *total;
  return scan;
}

RecordScan scan_records(Bytes segment, std::size_t offset) {
  RecordScan scan;
  while (offset < segment.size()) {
    const Bytes rest = segment.subspan(offset);
    const auto length = sound_record_length(rest);
    if (!length) {
      const std::size_t next = find_sound_record(segment, offset).value_or(segment.size());
      scan.gaps.push_back({offset, next - offset});
      offset = next;
      continue;
    }
    ByteReader reader(rest.subspan(8, record_frame - 8), "a record");
    JournalRecord record;
    record.sequence = reader.number<std::uint64_t>();
    record.position = reader.number<std::uint32_t>();
    record.type = reader.number<std::uint16_t>();
    const Bytes payload = rest.subspan(record_frame, *length - record_frame - crc_bytes);
    record.payload.assign(payload.begin(), payload.end());
    scan.records.push_back(std::move(record));
    scan.offsets.push_back(offset);
    offset += *length;
  }
  return scan;
}

}  // namespace pare::search
