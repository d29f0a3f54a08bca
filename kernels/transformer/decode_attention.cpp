// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "kernels/core/exp.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/transformer/attention.hpp"

namespace pare::kernels {
namespace {

float dot(const float* a, const float* b, std::int64_t count) {
  Lanes products = {};
  std::int64_t i = 0;
  for (; i + lane_count <= count; i += lane_count) products += load(a + i) * load(b + i);
  if (i < count) products += load_some(a + i, count - i) * load_some(b + i, count - i);
  return sum(products);
}

/// Turns scores into weights that add up to the returned sum.
float exponentiate(float* scores, std::int64_t count) {
  float highest = scores[0];
  for (std::int64_t i = 1; i < count; ++i) highest = scores[i] > highest ? scores[i] : highest;
  Lanes total = {};
  for (std::int64_t i = 0; i < count; i += lane_count) {
    const Lanes weights = keep_first(exp(load_some(scores + i, count - i) - highest), count - i, 0.0f);
    store_some(scores + i, weights, count - i);
    total += weights;
  }
  return sum(total);
}

}  // namespace

void decode_attention(MatrixView<const float> q, MatrixView<const float> keys, MatrixView<const float> values,
                      const AttentionShape& shape, std::int64_t length, MatrixView<float> out) {
  const std::int64_t dim = shape.head_dim;
  const std::int64_t position = shape.kv_heads * dim;  // floats of one position in a row of the cache
  EXPECT(shape.kv_heads > 0 && shape.heads % shape.kv_heads == 0, shape.heads, " heads, ", shape.kv_heads, " kv heads");
  EXPECT(q.cols == shape.heads * dim && out.rows == q.rows && out.cols == q.cols, q.cols, " ", out.cols);
  EXPECT(keys.rows == q.rows && values.rows == q.rows, keys.rows, " ", values.rows, " rows for ", q.rows, " sequences");
  EXPECT(length > 0 && length * position <= keys.cols && length * position <= values.cols, length, " positions of ",
         position);
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  parallel_for(q.rows * shape.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> weights(static_cast<std::size_t>(length));
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t s = item / shape.heads;
      const std::int64_t h = item % shape.heads;
      const float* query = q.row(s) + h * dim;
      const float* key = keys.row(s) + h / (shape.heads / shape.kv_heads) * dim;
      const float* value = values.row(s) + h / (shape.heads / shape.kv_heads) * dim;
      for (std::int64_t i = 0; i < length; ++i)
        weights[static_cast<std::size_t>(i)] = scale * dot(query, key + i * position, dim);
      const float total = exponentiate(weights.data(), length);
      float* y = out.row(s) + h * dim;
      std::fill_n(y, dim, 0.0f);
      for (std::int64_t i = 0; i < length; ++i) {
        const float weight = weights[static_cast<std::size_t>(i)];
#pragma omp simd
        for (std::int64_t d = 0; d < dim; ++d) y[d] += weight * value[i * position + d];
      }
#pragma omp simd
      for (std::int64_t d = 0; d < dim; ++d) y[d] /= total;
    }
  });
}

}  // namespace pare::kernels
