// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "kernels/core/contract.hpp"
#include "kernels/transformer/attention.hpp"
#include "kernels/transformer/attention_launch.hpp"

namespace pare::kernels {
namespace {

constexpr std::int64_t most_head_dim = 256;

template <class T>
bool in_chunks(DeviceView<T> view) {
  return reinterpret_cast<std::uintptr_t>(view.data) % 16 == 0 && view.stride % 8 == 0;
}

}  // namespace

void causal_attention(DeviceView<const BFloat16> q, DeviceView<const BFloat16> k, DeviceView<const BFloat16> v,
                      const AttentionShape& shape, std::int64_t window_length, DeviceView<BFloat16> out,
                      const Stream& stream) {
  detail::causal_attention_with(stream.compute_capability() == 90, q, k, v, shape, window_length, out, stream);
}

void detail::causal_attention_with(bool wgmma, DeviceView<const BFloat16> q, DeviceView<const BFloat16> k,
                                   DeviceView<const BFloat16> v, const AttentionShape& shape,
                                   std::int64_t window_length, DeviceView<BFloat16> out, const Stream& stream) {
  EXPECT(shape.heads > 0 && shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0, shape.heads, " heads, ",
         shape.kv_heads, " kv heads");
  VALIDATE(shape.head_dim > 0 && shape.head_dim % 8 == 0 && shape.head_dim <= most_head_dim, "attention heads of ",
           shape.head_dim, " values have no GPU kernel, multiples of 8 up to ", most_head_dim, " have one");
  EXPECT(window_length > 0 && window_length <= std::numeric_limits<int>::max() / 2 && q.rows % window_length == 0,
         q.rows, " tokens are not whole windows of ", window_length);
  EXPECT(q.cols == shape.heads * shape.head_dim && out.cols == q.cols && out.rows == q.rows, q.cols, " ", out.cols);
  EXPECT(k.cols == shape.kv_heads * shape.head_dim && v.cols == k.cols && k.rows == q.rows && v.rows == q.rows, k.cols,
         " ", v.cols);
  EXPECT(in_chunks(q) && in_chunks(k) && in_chunks(v) && in_chunks(out), "strides ", q.stride, " ", k.stride, " ",
         v.stride, " ", out.stride);
  if (q.rows == 0) return;
  const detail::CausalArguments arguments{
      .q = q.data,
      .k = k.data,
      .v = v.data,
      .out = out.data,
      .q_stride = q.stride,
      .k_stride = k.stride,
      .v_stride = v.stride,
      .out_stride = out.stride,
      .windows = q.rows / window_length,
      .length = static_cast<int>(window_length),
      .heads = static_cast<int>(shape.heads),
      .group = static_cast<int>(shape.heads / shape.kv_heads),
      .dim = static_cast<int>(shape.head_dim),
  };
  if (detail::is_small_head(shape.head_dim)) {
    detail::launch_causal_small(arguments, stream);
  } else if (shape.head_dim != 64 && shape.head_dim != 128) {
    detail::launch_causal_rows(arguments, stream);
  } else if (wgmma) {
    detail::launch_causal_hopper(arguments, stream);
  } else {
    detail::launch_causal_tiles(arguments, stream);
  }
}

std::int64_t decode_workspace_floats(std::int64_t sequences, const AttentionShape& shape, std::int64_t length) {
  return sequences * shape.heads * detail::decode_spans(length) * (shape.head_dim + 2);
}

void decode_attention(DeviceView<const BFloat16> q, DeviceView<const BFloat16> keys, DeviceView<const BFloat16> values,
                      const AttentionShape& shape, std::int64_t length, DeviceView<BFloat16> out,
                      DeviceSpan<float> workspace, const Stream& stream) {
  const std::int64_t dim = shape.head_dim;
  const std::int64_t position = shape.kv_heads * dim;
  EXPECT(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0, shape.heads, " heads, ", shape.kv_heads, " kv heads");
  VALIDATE(dim > 0 && dim % 8 == 0 && dim <= most_head_dim, "attention heads of ", dim,
           " values have no GPU kernel, multiples of 8 up to ", most_head_dim, " have one");
  VALIDATE(shape.heads / shape.kv_heads <= detail::most_decode_group, shape.heads / shape.kv_heads,
           " query heads share one of keys and values, the GPU kernel takes at most ", detail::most_decode_group);
  EXPECT(q.cols == shape.heads * dim && out.rows == q.rows && out.cols == q.cols, q.cols, " ", out.cols);
  EXPECT(keys.rows == q.rows && values.rows == q.rows, keys.rows, " ", values.rows, " rows for ", q.rows, " sequences");
  EXPECT(length > 0 && length * position <= keys.cols && length * position <= values.cols, length, " positions of ",
         position);
  EXPECT(in_chunks(q) && in_chunks(keys) && in_chunks(values), "strides ", q.stride, " ", keys.stride, " ",
         values.stride);
  EXPECT(workspace.size >= decode_workspace_floats(q.rows, shape, length), workspace.size);
  if (q.rows == 0) return;
  const detail::DecodeArguments arguments{
      .q = q.data,
      .keys = keys.data,
      .values = values.data,
      .out = out.data,
      .q_stride = q.stride,
      .key_stride = keys.stride,
      .value_stride = values.stride,
      .out_stride = out.stride,
      .length = static_cast<int>(length),
      .heads = static_cast<int>(shape.heads),
      .kv_heads = static_cast<int>(shape.kv_heads),
      .dim = static_cast<int>(dim),
      .partial = workspace.data,
  };
  detail::launch_decode(arguments, q.rows, stream);
}

}  // namespace pare::kernels
