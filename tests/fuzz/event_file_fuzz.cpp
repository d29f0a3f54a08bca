// SPDX-License-Identifier: Apache-2.0
#include "framework/io/crc32c.hpp"
#include "framework/io/event_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

namespace {

void append(std::vector<std::byte>& bytes, const auto& number) {
  const auto raw = std::as_bytes(std::span(&number, 1));
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

std::uint32_t masked_crc(std::span<const std::byte> bytes) {
  const std::uint32_t crc = framework::crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8U;
}

/// Any bytes as an event whose checksums are right.
std::vector<std::byte> framed(std::span<const std::byte> event) {
  std::vector<std::byte> record;
  append(record, std::uint64_t{event.size()});
  append(record, masked_crc(record));
  record.insert(record.end(), event.begin(), event.end());
  append(record, masked_crc(event));
  return record;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::bytes_of(data, size);
  const framework::EventFileScan any = framework::scan_event_file(bytes);
  fuzz::require(any.sound_bytes <= size, "no more is sound than there is");
  const framework::EventFileScan sound = framework::scan_event_file(bytes.first(any.sound_bytes));
  fuzz::require(sound.sound_bytes == any.sound_bytes && sound.last_step == any.last_step, "what is sound stays sound");

  const std::vector<std::byte> record = framed(bytes);
  const framework::EventFileScan event = framework::scan_event_file(record);
  fuzz::require(event.sound_bytes == record.size(), "a record with right checksums is sound");
  fuzz::require(event.last_step >= -1, "steps are not negative");
  return 0;
}
