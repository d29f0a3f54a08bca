// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "framework/compression/layer_storage.hpp"
#include "framework/compression/option.hpp"

namespace pare::framework {

/// Deals out places in one block of device memory, each at a multiple of 256 bytes.
class DeviceLayout {
 public:
  std::int64_t take(std::int64_t bytes) {
    const std::int64_t at = bytes_;
    bytes_ += (bytes + 255) / 256 * 256;
    return at;
  }
  std::int64_t bytes() const { return bytes_; }

 private:
  std::int64_t bytes_ = 0;
};

/// Elements from one row to the next where rows begin at multiples of 16 bytes.
constexpr std::int64_t padded_stride(std::int64_t cols, std::int64_t element_bytes) {
  const std::int64_t unit = 16 / element_bytes;
  return (cols + unit - 1) / unit * unit;
}

/// How a layer under an option lies in device memory between evaluations.
enum class DeviceForm {
  grid,    ///< packed, expanded before the product
  blocks,  ///< likewise, in a GGUF format
  dense    ///< bfloat16 [outputs, padded inputs], as it is multiplied: nothing on a GPU expands sparse storage
};

DeviceForm device_form(const Option& option);

/// Bytes of the weight in this form, and of bfloat16 and int8 matrices ready for the product (int8: with a scale an output).
std::int64_t resident_bytes(const Option& option, const LayerShape& shape);
std::int64_t dense_bytes(const LayerShape& shape);
std::int64_t int8_bytes(const LayerShape& shape);
/// The larger of the two.
std::int64_t ready_bytes(const LayerShape& shape);

/// What decides the size of a walk of the prefix trie.
struct WalkShape {
  std::int64_t hidden = 0;
  std::int64_t query_width = 0;      ///< heads * head_dim
  std::int64_t key_value_width = 0;  ///< kv_heads * head_dim
  std::int64_t intermediate = 0;
  std::int64_t vocabulary = 0;  ///< 0: the head is another process's
  std::int64_t top_k = 0;       ///< likewise
  std::int64_t states = 0;      ///< at a time
};

/// Offsets of the buffers of a walk over `tokens` tokens. Those of attention, mlp and head take turns in one place.
///   tokens, positions, targets   [tokens] 32-bit
///   teacher_ids, teacher_log     [tokens, top_k] 32-bit
///   states                       [states][tokens, hidden] binary32
///   normed, context              bfloat16 [tokens, hidden or query_width]
///   codes, code_scales           int8 [tokens, the widest input of a product] and binary32 [tokens]
///   q, k, v, gate, up            bfloat16
///   divergence, likelihood, workspace  binary32
struct WalkLayout {
  WalkLayout(const WalkShape& shape, std::int64_t tokens);

  std::int64_t tokens, positions, targets, teacher_ids, teacher_log, states;
  std::int64_t normed, codes, code_scales, q, k, v, context, gate, up, divergence, likelihood, workspace;

  std::int64_t workspace_floats = 0;
  std::int64_t text_bytes = 0;        ///< tokens to teacher_log
  std::int64_t states_bytes = 0;      ///< of all states
  std::int64_t activation_bytes = 0;  ///< the rest
  std::int64_t total_bytes() const { return text_bytes + states_bytes + activation_bytes; }
};

}  // namespace pare::framework
