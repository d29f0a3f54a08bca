// SPDX-License-Identifier: Apache-2.0
#include "framework/io/event_file.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "framework/io/crc32c.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using Bytes = std::vector<std::byte>;

// The first byte of a field: its number times eight, plus how it is written.
constexpr std::byte wall_time_field{1 << 3 | 1};
constexpr std::byte step_field{2 << 3 | 0};
constexpr std::byte version_field{3 << 3 | 2};
constexpr std::byte summary_field{5 << 3 | 2};
constexpr std::byte value_field{1 << 3 | 2};
constexpr std::byte tag_field{1 << 3 | 2};
constexpr std::byte simple_value_field{2 << 3 | 5};

constexpr std::size_t frame_head = 8 + 4;  // of a record, before its data
constexpr std::size_t crc_bytes = 4;

std::uint32_t masked_crc(std::span<const std::byte> bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

template <class T>
void append(Bytes& bytes, T number) {
  const auto* const begin = reinterpret_cast<const std::byte*>(&number);
  bytes.insert(bytes.end(), begin, begin + sizeof number);
}

void append_varint(Bytes& bytes, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes.push_back(static_cast<std::byte>(number | 0x80));
  bytes.push_back(static_cast<std::byte>(number));
}

void append_field(Bytes& bytes, std::byte field, std::span<const std::byte> content) {
  bytes.push_back(field);
  append_varint(bytes, content.size());
  bytes.insert(bytes.end(), content.begin(), content.end());
}

Bytes begin_event(double wall_time) {
  Bytes event{wall_time_field};
  append(event, wall_time);
  return event;
}

Bytes framed(const Bytes& data) {
  Bytes record;
  append(record, static_cast<std::uint64_t>(data.size()));
  append(record, masked_crc(record));
  record.insert(record.end(), data.begin(), data.end());
  append(record, masked_crc(data));
  return record;
}

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t offset) {
  T number;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

/// The data of the record with which the bytes begin.
std::optional<std::span<const std::byte>> first_record(std::span<const std::byte> bytes) {
  if (bytes.size() < frame_head + crc_bytes) return std::nullopt;
  if (number_at<std::uint32_t>(bytes, 8) != masked_crc(bytes.first(8))) return std::nullopt;
  const auto length = number_at<std::uint64_t>(bytes, 0);
  if (length > bytes.size() - frame_head - crc_bytes) return std::nullopt;
  const auto data = bytes.subspan(frame_head, length);
  if (number_at<std::uint32_t>(bytes, frame_head + length) != masked_crc(data)) return std::nullopt;
  return data;
}

/// Of an event that begins with its time and its step, as those of event_record do.
std::optional<std::int64_t> step_of(std::span<const std::byte> event) {
  constexpr std::size_t at = 1 + sizeof(double);
  if (event.size() <= at || event[0] != wall_time_field || event[at] != step_field) return std::nullopt;
  std::uint64_t step = 0;
  for (std::size_t i = at + 1, shift = 0; i < event.size() && shift < 63; ++i, shift += 7) {
    step |= static_cast<std::uint64_t>(event[i] & std::byte{0x7f}) << shift;
    if ((event[i] & std::byte{0x80}) == std::byte{0}) return static_cast<std::int64_t>(step);
  }
  return std::nullopt;
}

}  // namespace

Bytes event_file_head(double wall_time) {
  Bytes event = begin_event(wall_time);
  append_field(event, version_field, std::as_bytes(std::span(std::string_view("brain.Event:2"))));
  return framed(event);
}

Bytes event_record(double wall_time, std::int64_t step, std::span<const Scalar> scalars) {
  EXPECT(step >= 0, step);
  Bytes summary;
  for (const Scalar& scalar : scalars) {
    Bytes value;
    append_field(value, tag_field, std::as_bytes(std::span(scalar.tag)));
    value.push_back(simple_value_field);
    append(value, scalar.value);
    append_field(summary, value_field, value);
  }
  Bytes event = begin_event(wall_time);
  event.push_back(step_field);
  append_varint(event, static_cast<std::uint64_t>(step));
  append_field(event, summary_field, summary);
  return framed(event);
}

EventFileScan scan_event_file(std::span<const std::byte> file) {
  EventFileScan scan;
  while (const auto data = first_record(file.subspan(scan.sound_bytes))) {
    scan.sound_bytes += frame_head + data->size() + crc_bytes;
    if (const auto step = step_of(*data)) scan.last_step = std::max(scan.last_step, *step);
  }
  return scan;
}

}  // namespace pare::framework
