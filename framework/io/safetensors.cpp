// SPDX-License-Identifier: Apache-2.0
#include "framework/io/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr std::uint64_t max_header_bytes = 100'000'000;
constexpr std::size_t max_tensors = 1'000'000;
constexpr std::size_t max_name_bytes = 4096;
constexpr std::size_t max_rank = 16;

const std::map<std::string, std::int64_t>& bits_of_dtype() {
  static const std::map<std::string, std::int64_t> bits{
      {"BOOL", 8}, {"U8", 8},   {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16}, {"F16", 16},
      {"BF16", 16}, {"I32", 32}, {"U32", 32}, {"F32", 32},    {"F64", 64},    {"I64", 64},    {"U64", 64}, {"C64", 64}, {"F4", 4}};
  return bits;
}

std::int64_t read_size(const Json& value, const std::string& where) {
  VALIDATE(value.is_number_unsigned() && value.get<std::uint64_t>() <= (std::uint64_t{1} << 62), where,
           " must be whole numbers that are not negative");
  return value.get<std::int64_t>();
}

TensorInfo read_tensor(const std::string& name, const Json& entry, const std::string& source) {
  const std::string where = source + ": tensor '" + name + "'";
  VALIDATE(name.size() <= max_name_bytes, source, ": a tensor name is longer than ", max_name_bytes, " bytes");
  VALIDATE(entry.is_object() && entry.contains("dtype") && entry.contains("shape") && entry.contains("data_offsets"), where,
           " needs dtype, shape and data_offsets");
  TensorInfo info;
  info.name = name;
  VALIDATE(entry["dtype"].is_string(), where, ": dtype must be a string");
  info.dtype = entry["dtype"].get<std::string>();
  const auto bits = bits_of_dtype().find(info.dtype);
  VALIDATE(bits != bits_of_dtype().end(), where, ": unknown dtype '", info.dtype, "'");
  VALIDATE(entry["shape"].is_array() && entry["shape"].size() <= max_rank, where, ": shape must be a list of at most ", max_rank, " sizes");
  std::int64_t total_bits = bits->second;
  for (const Json& size : entry["shape"]) {
    info.shape.push_back(read_size(size, where + ": sizes of the shape"));
    VALIDATE(!__builtin_mul_overflow(total_bits, info.shape.back(), &total_bits), where, ": the shape is too large");
  }
  const Json& offsets = entry["data_offsets"];
  VALIDATE(offsets.is_array() && offsets.size() == 2, where, ": data_offsets must be [begin, end]");
  const std::int64_t begin = read_size(offsets[0], where + ": data_offsets");
  const std::int64_t end = read_size(offsets[1], where + ": data_offsets");
  VALIDATE(begin <= end, where, ": data_offsets end before they begin");
  VALIDATE(total_bits % 8 == 0 && total_bits / 8 == end - begin, where, ": shape and dtype need ", total_bits / 8,
           " bytes, data_offsets give ", end - begin);
  info.offset = begin;
  info.bytes = end - begin;
  return info;
}

/// Sorts by offset and checks that the tensors cover [0, data_bytes) exactly.
void check_cover(std::vector<TensorInfo>& tensors, std::int64_t data_bytes, const std::string& source) {
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  std::int64_t position = 0;
  for (const TensorInfo& tensor : tensors) {
    const std::string where = source + ": tensor '" + tensor.name + "'";
    VALIDATE(tensor.offset + tensor.bytes <= data_bytes, where, " ends at data byte ", tensor.offset + tensor.bytes,
             " but the file holds only ", data_bytes, " (truncated?)");
    VALIDATE(tensor.offset >= position, where, " overlaps the one before it");
    VALIDATE(tensor.offset == position, where, " leaves a hole of ", tensor.offset - position, " bytes before it");
    position += tensor.bytes;
  }
  VALIDATE(position == data_bytes, source, ": ", data_bytes - position, " bytes after the last tensor belong to none");
}

}  // namespace

std::vector<TensorInfo> parse_safetensors(std::span<const std::byte> file, const std::string& source) {
  std::uint64_t header_bytes = 0;
  VALIDATE(file.size() >= sizeof(header_bytes), source, ": ", file.size(), " bytes are too few for a safetensors file (truncated?)");
  std::memcpy(&header_bytes, file.data(), sizeof(header_bytes));
  VALIDATE(header_bytes <= max_header_bytes, source, ": a header of ", header_bytes, " bytes is too long, is this a safetensors file?");
  VALIDATE(header_bytes <= file.size() - sizeof(header_bytes), source, ": the header needs ", header_bytes,
           " bytes but the file ends after ", file.size() - sizeof(header_bytes), " (truncated?)");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + sizeof(header_bytes), header_bytes);
  VALIDATE(text.starts_with('{'), source, ": the header does not start with '{', is this a safetensors file?");
  const Json header = parse_json(text, source + ": header");
  const auto data_begin = static_cast<std::int64_t>(sizeof(header_bytes) + header_bytes);

  std::vector<TensorInfo> tensors;
  VALIDATE(header.size() <= max_tensors, source, ": more than ", max_tensors, " tensors");
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      VALIDATE(entry.is_object() && std::all_of(entry.begin(), entry.end(), [](const Json& x) { return x.is_string(); }), source,
               ": __metadata__ may hold strings only");
      continue;
    }
    tensors.push_back(read_tensor(name, entry, source));
  }
  check_cover(tensors, static_cast<std::int64_t>(file.size()) - data_begin, source);
  for (TensorInfo& tensor : tensors) tensor.offset += data_begin;
  return tensors;
}

}  // namespace pare::framework
