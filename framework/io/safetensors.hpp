// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pare::framework {

/// Element types of the safetensors format, in its spelling: U8, BF16, ...
enum class StoredType { boolean, u8, i8, f8_e5m2, f8_e4m3, f8_e8m0, u16, i16, f16, bf16, u32, i32, f32, u64, i64, f64 };

std::string to_string(StoredType type);
std::int64_t bytes_of(StoredType type);

/// Where a tensor lies in its file.
struct TensorInfo {
  std::string name;
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;  ///< at most 16 sizes; none: a single value
  std::int64_t offset = 0;          ///< of its first byte, from the start of the file
  std::int64_t bytes = 0;
};

/// "[512, 64]".
std::string shape_text(const std::vector<std::int64_t>& shape);

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors;  ///< in the order of their bytes
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Reads the header of a safetensors file: u64 length N | N bytes JSON | tensor bytes, all little-endian.
///
/// Files come from strangers, so every rule of the format is checked before memory is taken on its account: N
/// <= 100 MB and within the file; a JSON object from the first byte on, UTF-8, no duplicate keys, at most
/// 1,000,000 tensors; known types; shape times element size equal to the bytes claimed, without overflow;
/// tensors cover the rest of the file without gap or overlap. Throws InputError naming `source`, the tensor
/// and what would be right.
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& source);

}  // namespace pare::framework
