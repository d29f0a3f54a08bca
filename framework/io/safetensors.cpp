// SPDX-License-Identifier: Apache-2.0
#include "framework/io/safetensors.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "framework/io/safetensors_json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr std::uint64_t largest_header = 100'000'000;
constexpr std::size_t length_bytes = 8;

struct TypeName {
  StoredType type;
  std::string_view name;
  std::int64_t bytes;
};
constexpr std::array type_names = {
    TypeName{StoredType::boolean, "BOOL", 1},    TypeName{StoredType::u8, "U8", 1},
    TypeName{StoredType::i8, "I8", 1},           TypeName{StoredType::f8_e5m2, "F8_E5M2", 1},
    TypeName{StoredType::f8_e4m3, "F8_E4M3", 1}, TypeName{StoredType::f8_e8m0, "F8_E8M0", 1},
    TypeName{StoredType::u16, "U16", 2},         TypeName{StoredType::i16, "I16", 2},
    TypeName{StoredType::f16, "F16", 2},         TypeName{StoredType::bf16, "BF16", 2},
    TypeName{StoredType::u32, "U32", 4},         TypeName{StoredType::i32, "I32", 4},
    TypeName{StoredType::f32, "F32", 4},         TypeName{StoredType::u64, "U64", 8},
    TypeName{StoredType::i64, "I64", 8},         TypeName{StoredType::f64, "F64", 8}};

const TypeName& entry_of(StoredType type) {
  return *std::find_if(type_names.begin(), type_names.end(), [&](const TypeName& entry) { return entry.type == type; });
}

/// The JSON text, when the length in front of it makes sense.
std::string_view header_text(std::span<const std::byte> file, const std::string& source) {
  VALIDATE(file.size() >= length_bytes, source, ": not a safetensors file (", file.size(),
           " bytes, the length of the header alone takes 8)");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), length_bytes);
  VALIDATE(length <= largest_header, source, ": not a safetensors file (a header of ", length,
           " bytes, at most 100000000 are allowed)");
  VALIDATE(length <= file.size() - length_bytes, source, ": cut off or not a safetensors file (a header of ", length,
           " bytes in a file of ", file.size(), ")");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + length_bytes, length);
  VALIDATE(text.starts_with('{'), source, ": not a safetensors file (the header does not start with '{')");
  return text;
}

TensorInfo check_tensor(const detail::TensorEntry& entry, std::int64_t data_offset, const std::string& source) {
  const auto fail = [&](const std::string& text) {
    throw InputError(fmt::format("{}: tensor '{}': {}", source, printable(entry.name), text));
  };
  const auto known = std::find_if(type_names.begin(), type_names.end(),
                                  [&](const TypeName& candidate) { return candidate.name == entry.type; });
  if (known == type_names.end()) {
    std::string names;
    for (const TypeName& type : type_names) names += fmt::format("{}{}", names.empty() ? "" : ", ", type.name);
    fail(fmt::format("unknown dtype '{}' (known: {})", printable(entry.type), names));
  }
  std::int64_t bytes = known->bytes;
  for (const std::int64_t size : entry.shape) {
    if (__builtin_mul_overflow(bytes, size, &bytes))
      fail("shape " + shape_text(entry.shape) + " is too large to exist");
  }
  if (entry.begin > entry.end) fail(fmt::format("data_offsets [{}, {}] end before they begin", entry.begin, entry.end));
  if (entry.end - entry.begin != bytes) {
    fail(fmt::format("data_offsets [{}, {}] hold {} bytes, shape {} of {} needs {}", entry.begin, entry.end,
                     entry.end - entry.begin, shape_text(entry.shape), known->name, bytes));
  }
  std::int64_t offset = 0;
  if (__builtin_add_overflow(entry.begin, data_offset, &offset)) fail("data_offsets lie beyond the end of the file");
  return {entry.name, known->type, entry.shape, offset, bytes};
}

/// Tensors, sorted by offset, must fill the file from the end of the header to its last byte.
void check_cover(const std::vector<TensorInfo>& tensors, std::int64_t data_offset, std::int64_t file_bytes,
                 const std::string& source) {
  std::int64_t end = data_offset;
  for (const TensorInfo& tensor : tensors) {
    VALIDATE(tensor.offset == end, source, ": tensor '", printable(tensor.name), "': its data begins at ",
             tensor.offset - data_offset, ", ", tensor.offset < end ? "inside another tensor" : "which leaves a gap",
             ", it should begin at ", end - data_offset);
    VALIDATE(tensor.bytes <= file_bytes - end, source, ": tensor '", printable(tensor.name), "': its data ends ",
             tensor.bytes - (file_bytes - end), " bytes beyond the end of the file (is the file cut off?)");
    end += tensor.bytes;
  }
  VALIDATE(end == file_bytes, source, ": ", file_bytes - end, " bytes at the end of the file belong to no tensor");
}

}  // namespace

std::string to_string(StoredType type) {
  return std::string(entry_of(type).name);
}
std::int64_t bytes_of(StoredType type) {
  return entry_of(type).bytes;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& source) {
  const std::string_view text = header_text(file, source);
  const detail::HeaderEntries entries = detail::parse_header_json(text, source);
  const auto data_offset = static_cast<std::int64_t>(length_bytes + text.size());
  SafetensorsHeader header;
  header.metadata = entries.metadata;
  for (const detail::TensorEntry& entry : entries.tensors)
    header.tensors.push_back(check_tensor(entry, data_offset, source));
  std::sort(header.tensors.begin(), header.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.offset, a.bytes) < std::pair(b.offset, b.bytes);
  });
  check_cover(header.tensors, data_offset, static_cast<std::int64_t>(file.size()), source);
  return header;
}

}  // namespace pare::framework
