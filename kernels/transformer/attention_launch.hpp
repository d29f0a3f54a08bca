// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/transformer/attention.hpp"

/// The kernels behind causal_attention on GPUs; checks are done before.

namespace pare::kernels::detail {

struct CausalArguments {
  const BFloat16* q = nullptr;
  const BFloat16* k = nullptr;
  const BFloat16* v = nullptr;
  BFloat16* out = nullptr;
  std::int64_t q_stride = 0;  ///< values from one token to the next
  std::int64_t k_stride = 0;
  std::int64_t v_stride = 0;
  std::int64_t out_stride = 0;
  std::int64_t windows = 0;
  int length = 0;  ///< tokens of a window
  int heads = 0;
  int group = 0;  ///< query heads of a key-value head
  int dim = 0;
};

/// Positions that one block of decode_attention works through, and the query heads that may share them.
inline constexpr int span_positions = 64;
inline constexpr int most_decode_group = 32;

constexpr int decode_spans(std::int64_t length) {
  return static_cast<int>((length + span_positions - 1) / span_positions);
}

struct DecodeArguments {
  const BFloat16* q = nullptr;
  const BFloat16* keys = nullptr;
  const BFloat16* values = nullptr;
  BFloat16* out = nullptr;
  std::int64_t q_stride = 0;  ///< values from one sequence to the next
  std::int64_t key_stride = 0;
  std::int64_t value_stride = 0;
  std::int64_t out_stride = 0;
  int length = 0;
  int heads = 0;
  int kv_heads = 0;
  int dim = 0;
  float* partial = nullptr;  ///< [sequence][head][span][dim + 2]: sums, highest score, total weight
};

/// head_dim 64 and 128, mma.sync.
void launch_causal_tiles(const CausalArguments& arguments, const Stream& stream);
/// The same through wgmma, for sm_90a.
void launch_causal_hopper(const CausalArguments& arguments, const Stream& stream);
/// The head sizes of small models: a thread a token and head.
constexpr bool is_small_head(std::int64_t dim) {
  return dim == 8 || dim == 16 || dim == 24 || dim == 32 || dim == 48;
}
void launch_causal_small(const CausalArguments& arguments, const Stream& stream);
/// Any head_dim: a warp a token and head.
void launch_causal_rows(const CausalArguments& arguments, const Stream& stream);
void launch_decode(const DecodeArguments& arguments, std::int64_t sequences, const Stream& stream);

}  // namespace pare::kernels::detail
