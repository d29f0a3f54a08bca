// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "framework/io/ggml_type.hpp"
#include "framework/io/gguf_value.hpp"

namespace pare::framework {

/// Where a tensor lies in its GGUF file.
struct GgufTensor {
  std::string name;
  GgmlType type = GgmlType::f32;
  std::vector<std::int64_t> shape;  ///< rows first, as everywhere in pare; the file has the sizes the other way round
  std::int64_t offset = 0;          ///< of its first byte, from the start of the file
  std::int64_t bytes = 0;
};

struct GgufHeader {
  std::uint32_t version = 0;
  GgufKeys keys;
  std::vector<GgufTensor> tensors;  ///< in the order of the file
};

/// Tensors begin at multiples of this, unless general.alignment says otherwise.
inline constexpr std::int64_t gguf_alignment = 32;

/// Reads the header of a GGUF file, version 2 or 3: "GGUF" | u32 version | u64 tensors | u64 keys | keys | tensors |
/// padding | tensor bytes, all little-endian.
///
/// Files come from strangers, so every length is checked before memory is taken on its account: counts that the file has
/// room for, known types, no key or tensor twice, at most four sizes a tensor, rows of whole blocks, aligned offsets, no
/// tensor beyond the end of the file or inside another. Throws InputError naming `source`, the key or tensor or the
/// byte, and what would be right.
GgufHeader parse_gguf(std::span<const std::byte> file, const std::string& source);

}  // namespace pare::framework
