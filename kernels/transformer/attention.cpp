// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/core/exp.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/transformer/attention_shape.hpp"
#include "kernels/transformer/multiply_six.hpp"

namespace pare::kernels {
namespace {

// A block of 48 queries (eight strips of six) meets a tile of 64 keys. With head_dim 64 the tile's keys and
// values are 16 KiB each and stay in the first cache while the eight strips pass.
constexpr std::int64_t strip = detail::strip_rows;
constexpr std::int64_t block_queries = 8 * strip;
constexpr std::int64_t tile_keys = detail::strip_columns;

/// Keys and values of one window and one key-value head, rearranged, and the state of one block of queries.
class WindowHead {
 public:
  WindowHead(const AttentionShape& shape, std::int64_t window_length)
      : length_(window_length),
        tiles_((window_length + tile_keys - 1) / tile_keys),
        dim_(shape.head_dim),
        padded_dim_((shape.head_dim + lane_count - 1) / lane_count * lane_count),
        scale_(1.0f / std::sqrt(static_cast<float>(shape.head_dim))),
        keys_(tiles_ * dim_, tile_keys),
        values_(tiles_ * tile_keys, padded_dim_),
        queries_(block_queries, dim_),
        weights_(strip, tile_keys),
        sums_(block_queries, padded_dim_) {}

  /// Row 0 of k and v is the first token of the window.
  void set_keys_and_values(MatrixView<const float> k, MatrixView<const float> v);

  /// Attends from the window's tokens [begin, begin + block_queries).
  void attend(MatrixView<const float> q, std::int64_t begin, MatrixView<float> out);

 private:
  void attend_strip(std::int64_t first_row, std::int64_t begin, std::int64_t first_key);
  void exponentiate_row(std::int64_t row, std::int64_t valid, std::int64_t columns, float* weights);

  std::int64_t length_;
  std::int64_t tiles_;
  std::int64_t dim_;
  std::int64_t padded_dim_;
  float scale_;
  Matrix<float> keys_;     ///< [tile][dim][64 keys]: transposed, so that a row of scores lies along the lanes
  Matrix<float> values_;   ///< [key][padded dim], the padding is 0
  Matrix<float> queries_;  ///< scaled by 1 / sqrt(dim)
  Matrix<float> weights_;
  Matrix<float> sums_;  ///< weights * values so far, relative to exp(highest)
  std::array<float, block_queries> highest_;
  std::array<Lanes, block_queries> totals_;
};

void WindowHead::set_keys_and_values(MatrixView<const float> k, MatrixView<const float> v) {
  for (std::int64_t s = 0; s < tiles_ * tile_keys; ++s) {
    float* column = keys_.row(s / tile_keys * dim_) + s % tile_keys;
    float* value = values_.row(s);
    if (s < length_) {
      const float* key = k.row(s);
      for (std::int64_t d = 0; d < dim_; ++d) column[d * tile_keys] = key[d];
      std::copy_n(v.row(s), dim_, value);
      std::fill_n(value + dim_, padded_dim_ - dim_, 0.0f);
    } else {
      for (std::int64_t d = 0; d < dim_; ++d) column[d * tile_keys] = 0.0f;
      std::fill_n(value, padded_dim_, 0.0f);
    }
  }
}

void WindowHead::attend(MatrixView<const float> q, std::int64_t begin, MatrixView<float> out) {
  const std::int64_t rows = std::min(block_queries, length_ - begin);
  const std::int64_t padded_rows = (rows + strip - 1) / strip * strip;
  for (std::int64_t i = 0; i < padded_rows; ++i) {
    for (std::int64_t d = 0; d < dim_; ++d) queries_.row(i)[d] = i < rows ? q.row(begin + i)[d] * scale_ : 0.0f;
  }
  std::fill_n(sums_.data(), sums_.size(), 0.0f);
  highest_.fill(-std::numeric_limits<float>::infinity());
  totals_.fill(Lanes{});
  for (std::int64_t first_key = 0; first_key < begin + rows; first_key += tile_keys) {
    for (std::int64_t i = 0; i < padded_rows; i += strip) attend_strip(i, begin, first_key);
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    const float total = sum(totals_[static_cast<std::size_t>(i)]);
    const float* sums = sums_.row(i);
    float* y = out.row(begin + i);
#pragma omp simd
    for (std::int64_t d = 0; d < dim_; ++d) y[d] = sums[d] / total;
  }
}

/// Six queries against one tile of keys. Only the keys that the last of the six may see are touched.
void WindowHead::attend_strip(std::int64_t first_row, std::int64_t begin, std::int64_t first_key) {
  const auto keys_seen = [&](std::int64_t row) {
    return std::clamp<std::int64_t>(std::min(begin + row, length_ - 1) - first_key + 1, 0, tile_keys);
  };
  const std::int64_t seen = keys_seen(first_row + strip - 1);
  if (seen == 0) return;
  detail::multiply_six(queries_.row(first_row), dim_, keys_.row(first_key / tile_keys * dim_), tile_keys, dim_, seen,
                       weights_.data(), tile_keys, false);
  for (std::int64_t i = 0; i < strip; ++i)
    exponentiate_row(first_row + i, keys_seen(first_row + i), seen, weights_.row(i));
  for (std::int64_t d = 0; d < padded_dim_; d += detail::strip_columns) {
    detail::multiply_six(weights_.data(), tile_keys, values_.row(first_key) + d, padded_dim_, seen,
                         std::min(detail::strip_columns, padded_dim_ - d), sums_.row(first_row) + d, padded_dim_, true);
  }
}

/// Scores become exp(score - highest); when the highest score grows, what was summed before is scaled down.
void WindowHead::exponentiate_row(std::int64_t row, std::int64_t valid, std::int64_t columns, float* weights) {
  constexpr float lowest = -std::numeric_limits<float>::infinity();
  float& highest = highest_[static_cast<std::size_t>(row)];
  Lanes& total = totals_[static_cast<std::size_t>(row)];
  const std::int64_t whole = valid / lane_count * lane_count;
  if (whole < valid) store(weights + whole, keep_first(load(weights + whole), valid - whole, lowest));
  const std::int64_t rounded = (valid + lane_count - 1) / lane_count * lane_count;
  Lanes tile_highest = splat(lowest);
  for (std::int64_t c = 0; c < rounded; c += lane_count) tile_highest = max(load(weights + c), tile_highest);
  if (const float grown = largest(tile_highest); grown > highest) {
    if (highest > lowest) {
      const Lanes shrink = exp(splat(highest - grown));
      total *= shrink;
      float* sums = sums_.row(row);
      for (std::int64_t d = 0; d < padded_dim_; d += lane_count) store(sums + d, load(sums + d) * shrink);
    }
    highest = grown;
  }
  for (std::int64_t c = 0; c < rounded; c += lane_count) {
    const Lanes weight = exp_of_negative(load(weights + c) - highest);
    store(weights + c, weight);
    total += weight;
  }
  for (std::int64_t c = rounded; c < columns; c += lane_count) store(weights + c, Lanes{});
}

}  // namespace

void causal_attention(MatrixView<const float> q, MatrixView<const float> k, MatrixView<const float> v,
                      const AttentionShape& shape, std::int64_t window_length, MatrixView<float> out) {
  detail::expect_windows(q, k, v, shape, window_length, out);
  const std::int64_t dim = shape.head_dim;
  const std::int64_t group = shape.heads / shape.kv_heads;
  parallel_for(q.rows / window_length * shape.kv_heads, 1, [&](std::int64_t first, std::int64_t last) {
    WindowHead head(shape, window_length);
    for (std::int64_t item = first; item < last; ++item) {
      const std::int64_t begin = item / shape.kv_heads * window_length;
      const std::int64_t kv = item % shape.kv_heads;
      head.set_keys_and_values(k.rows_from(begin, window_length).cols_from(kv * dim, dim),
                               v.rows_from(begin, window_length).cols_from(kv * dim, dim));
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        const auto queries = q.rows_from(begin, window_length).cols_from(h * dim, dim);
        const auto outputs = out.rows_from(begin, window_length).cols_from(h * dim, dim);
        for (std::int64_t i = 0; i < window_length; i += block_queries) head.attend(queries, i, outputs);
      }
    }
  });
}

}  // namespace pare::kernels
