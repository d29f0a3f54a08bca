// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "kernels/transformer/attention.hpp"
#include "kernels/transformer/attention_shape.hpp"

namespace pare::kernels {

void causal_attention_reference(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                                const AttentionShape& shape, std::int64_t window_length, MatrixView<float> out) {
  detail::expect_windows(q, k, v, shape, window_length, out);
  const std::int64_t dim = shape.head_dim;
  const double scale = 1.0 / std::sqrt(static_cast<double>(dim));
  std::vector<double> weights(static_cast<std::size_t>(window_length));
  for (std::int64_t t = 0; t < q.rows; ++t) {
    const std::int64_t first = t / window_length * window_length;
    for (std::int64_t h = 0; h < shape.heads; ++h) {
      const std::int64_t kv = h / (shape.heads / shape.kv_heads) * dim;
      double sum = 0.0;
      double largest = -INFINITY;
      for (std::int64_t s = first; s <= t; ++s) {
        double score = 0.0;
        for (std::int64_t d = 0; d < dim; ++d) score += double{q.row(t)[h * dim + d]} * double{k.row(s)[kv + d]};
        weights[static_cast<std::size_t>(s - first)] = score * scale;
        largest = std::max(largest, score * scale);
      }
      for (std::int64_t s = first; s <= t; ++s) {
        double& weight = weights[static_cast<std::size_t>(s - first)];
        weight = std::exp(weight - largest);
        sum += weight;
      }
      for (std::int64_t d = 0; d < dim; ++d) {
        double value = 0.0;
        for (std::int64_t s = first; s <= t; ++s)
          value += weights[static_cast<std::size_t>(s - first)] * double{v.row(s)[kv + d]};
        out.row(t)[h * dim + d] = static_cast<float>(value / sum);
      }
    }
  }
}

}  // namespace pare::kernels
