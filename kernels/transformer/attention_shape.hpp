// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/contract.hpp"
#include "kernels/transformer/attention.hpp"

namespace pare::kernels::detail {

inline void expect_windows(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                           const AttentionShape& shape, std::int64_t window_length, MatrixView<const float> out) {
  EXPECT(shape.heads > 0 && shape.kv_heads > 0 && shape.head_dim > 0 && shape.heads % shape.kv_heads == 0, shape.heads,
         " heads, ", shape.kv_heads, " kv heads of ", shape.head_dim);
  EXPECT(window_length > 0 && q.rows % window_length == 0, q.rows, " tokens are not whole windows of ", window_length);
  EXPECT(q.cols == shape.heads * shape.head_dim && out.cols == q.cols && out.rows == q.rows, q.cols, " ", out.cols);
  EXPECT(k.cols == shape.kv_heads * shape.head_dim && v.cols == k.cols && k.rows == q.rows && v.rows == q.rows, k.cols,
         " ", v.cols);
}

}  // namespace pare::kernels::detail
