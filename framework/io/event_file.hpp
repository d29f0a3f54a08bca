// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pare::framework {

/// TensorBoard's event files, as far as curves need them:
///
///   record = u64 length | u32 mask(crc32c(length)) | data, `length` bytes | u32 mask(crc32c(data))
///   mask(c) = (c >> 15 | c << 17) + 0xa282ead8
///
/// Little-endian. The data is a protocol buffer, Event{1: wall_time, double; 2: step, varint; 3: file_version, string;
/// 5: Summary{1: Value{1: tag, string; 2: simple_value, float}}}. The first record of a file has the version.

/// One point of the curve `tag`.
struct Scalar {
  std::string tag;
  float value = 0;
};

/// The record with which a file begins. Times are seconds since 1970.
std::vector<std::byte> event_file_head(double wall_time);

/// EXPECTs step >= 0.
std::vector<std::byte> event_record(double wall_time, std::int64_t step, std::span<const Scalar> scalars);

/// Whole records from the start of a file, up to its end or the first that is cut off or damaged.
struct EventFileScan {
  std::size_t sound_bytes = 0;
  std::int64_t last_step = -1;  ///< the largest step of the records; -1: none
};

EventFileScan scan_event_file(std::span<const std::byte> file);

}  // namespace pare::framework
