// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pare::framework {

/// Element types of GGUF tensors, by ggml's numbers. Only those that pare computes with have a name here; files may have
/// any type of ggml's list.
enum class GgmlType : std::uint32_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q5_0 = 6,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  bf16 = 30
};

/// Nothing: no type of ggml has the number.
std::optional<GgmlType> ggml_type_of(std::uint32_t number);

/// In ggml's spelling: "Q4_K".
std::string to_string(GgmlType type);

/// What a tensor takes; its last size is that of a row, which is cut into blocks. Nothing: the row is not a multiple of
/// the block, or the tensor is too large to exist.
std::optional<std::int64_t> bytes_of(GgmlType type, const std::vector<std::int64_t>& shape);

/// Neighbouring values of a row that are stored together.
int block_size(GgmlType type);

}  // namespace pare::framework
