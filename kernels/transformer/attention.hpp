// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"

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

/// causal_attention on a GPU. head_dim is a multiple of 8 up to 256; 64 and 128 go through the matrix units. q, k and v may
/// be column ranges of one matrix; data is 16-byte aligned and strides are multiples of 8 values. Products of bfloat16 are
/// summed in binary32; with the matrix units, the weights of a row (at most 1 before its sum is divided out) are rounded
/// to bfloat16 for the second product. NaN in a key or value reaches the tokens that see it, and others of its window.
void causal_attention(DeviceView<const BFloat16> q, DeviceView<const BFloat16> k, DeviceView<const BFloat16> v,
                      const AttentionShape& shape, std::int64_t window_length, DeviceView<BFloat16> out,
                      const Stream& stream);

namespace detail {

/// The same through the kernels for wgmma (Hopper alone) or the portable ones.
void causal_attention_with(bool wgmma, DeviceView<const BFloat16> q, DeviceView<const BFloat16> k,
                           DeviceView<const BFloat16> v, const AttentionShape& shape, std::int64_t window_length,
                           DeviceView<BFloat16> out, const Stream& stream);

}  // namespace detail

/// decode_attention on a GPU, with the layout and the limits above. The positions are cut into spans of a fixed length,
/// whose results are merged in order: a sequence's output does not depend on the others.
///   workspace: decode_workspace_floats() of scratch memory
void decode_attention(DeviceView<const BFloat16> q, DeviceView<const BFloat16> keys, DeviceView<const BFloat16> values,
                      const AttentionShape& shape, std::int64_t length, DeviceView<BFloat16> out,
                      DeviceSpan<float> workspace, const Stream& stream);
std::int64_t decode_workspace_floats(std::int64_t sequences, const AttentionShape& shape, std::int64_t length);

/// causal_attention in double precision with all scores of a row at once: the definition.
void causal_attention_reference(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                                const AttentionShape& shape, std::int64_t window_length, MatrixView<float> out);

}  // namespace pare::kernels
