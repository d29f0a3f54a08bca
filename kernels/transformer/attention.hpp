// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

struct AttentionShape {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  ///< divides heads
  std::int64_t head_dim = 0;
};

/// Causal grouped-query attention over whole windows: the tokens of q are `q.rows / window_length` windows of
/// `window_length` tokens each, and a token sees itself and the earlier tokens of its own window.
///   q, out [tokens, heads * head_dim], k, v [tokens, kv_heads * head_dim]; scores are scaled by 1 /
///   sqrt(head_dim).
/// Online softmax over tiles of keys (Dao 2023): no window_length x window_length matrix is kept. Parallel
/// over windows and heads. A window's output does not depend on the other windows, nor on the number of
/// threads.
void causal_attention(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                      const AttentionShape& shape, std::int64_t window_length, MatrixView<float> out);

/// One new token of each of `q.rows` sequences against its cached keys and values (the token's own included).
///   keys, values: [sequences, capacity * kv_heads * head_dim], row s holding `length` positions of sequence
///   s.
void decode_attention(MatrixView<const float> q, MatrixView<const float> keys, MatrixView<const float> values,
                      const AttentionShape& shape, std::int64_t length, MatrixView<float> out);

/// causal_attention in double precision with all scores of a row at once: the definition.
void causal_attention_reference(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                                const AttentionShape& shape, std::int64_t window_length, MatrixView<float> out);

}  // namespace pare::kernels
