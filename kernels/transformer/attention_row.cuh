// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

#include "kernels/transformer/mma_bf16.cuh"

namespace pare::kernels::detail {

inline constexpr int most_head_dim = 256;

/// The state of one query of one head of at most 64 * `pairs` values in a warp: lane l holds the sums of values 2 l + {0, 1}
/// + 64 i. `chunks_at_once` chunks of 16 bytes a lane are under way at a time.
template <int pairs, int chunks_at_once>
struct AttentionRow {
  static constexpr int values_at_once = 4 * chunks_at_once / pairs;
  float highest = -INFINITY;  ///< of the scores, in powers of two
  float total = 0.0f;
  float sums[pairs][2] = {};

  /// Adds `count` keys and values in the order they lie, 32 at a time: a lane makes the score of one key, then every lane
  /// takes all weights to its own values. Weights stay in binary32. query: `dim` values scaled by log2(e) / sqrt(dim).
  __device__ void add(const float* query, const __nv_bfloat16* keys, std::int64_t key_stride,
                      const __nv_bfloat16* values, std::int64_t value_stride, int count, int dim) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    for (int first = 0; first < count; first += 32) {
      const bool exists = first + lane < count;
      float score = -INFINITY;
      if (exists) {
        const __nv_bfloat16* key = keys + (first + lane) * key_stride;
        score = 0.0f;
        for (int begin = 0; begin < dim; begin += chunks_at_once * chunk_values) {
          uint4 chunks[chunks_at_once];
#pragma unroll
          for (int c = 0; c < chunks_at_once; ++c) {
            const int d = begin + c * chunk_values;
            if (d < dim) chunks[c] = __ldg(reinterpret_cast<const uint4*>(key + d));
          }
#pragma unroll
          for (int c = 0; c < chunks_at_once; ++c) {
            const int d = begin + c * chunk_values;
            if (d >= dim) break;
            const std::uint32_t words[4] = {chunks[c].x, chunks[c].y, chunks[c].z, chunks[c].w};
#pragma unroll
            for (int i = 0; i < 4; ++i) {
              score = fmaf(query[d + 2 * i], __uint_as_float(words[i] << 16), score);
              score = fmaf(query[d + 2 * i + 1], __uint_as_float(words[i] & 0xffff0000u), score);
            }
          }
        }
      }
      float top = score;
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2)
        top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, distance));
      top = fmaxf(top, highest);
      const float shrink = exp2_fast(highest - top);
      highest = top;
      const float weight = exp2_fast(score - top);
      float added = weight;
#pragma unroll
      for (int distance = 16; distance > 0; distance /= 2) added += __shfl_xor_sync(0xffffffffu, added, distance);
      total = fmaf(total, shrink, added);
#pragma unroll
      for (int i = 0; i < pairs; ++i) {
        sums[i][0] *= shrink;
        sums[i][1] *= shrink;
      }
      const int here = min(32, count - first);
      for (int begin = 0; begin < here; begin += values_at_once) {
        std::uint32_t words[values_at_once][pairs];
#pragma unroll
        for (int j = 0; j < values_at_once; ++j) {
          // Keys that do not exist have weight 0.
          const __nv_bfloat16* value = values + (first + begin + j) * value_stride;
#pragma unroll
          for (int i = 0; i < pairs; ++i) {
            const int d = 2 * lane + 64 * i;
            words[j][i] = begin + j < here && d < dim ? __ldg(reinterpret_cast<const std::uint32_t*>(value + d)) : 0u;
          }
        }
#pragma unroll
        for (int j = 0; j < values_at_once; ++j) {
          const float w = __shfl_sync(0xffffffffu, weight, begin + j);
#pragma unroll
          for (int i = 0; i < pairs; ++i) {
            sums[i][0] = fmaf(w, __uint_as_float(words[j][i] << 16), sums[i][0]);
            sums[i][1] = fmaf(w, __uint_as_float(words[j][i] & 0xffff0000u), sums[i][1]);
          }
        }
      }
    }
  }
};

/// Brings a query into shared memory, scaled; by one warp.
__device__ inline void load_query(float* to, const __nv_bfloat16* from, int dim) {
  const float scale = log2_e * rsqrtf(static_cast<float>(dim));
  for (int d = static_cast<int>(threadIdx.x) % 32; d < dim; d += 32) to[d] = __bfloat162float(from[d]) * scale;
  __syncwarp();
}

}  // namespace pare::kernels::detail
