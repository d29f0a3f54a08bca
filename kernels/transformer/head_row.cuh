// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/transformer/head_launch.hpp"
#include "kernels/transformer/mma_bf16.cuh"

namespace pare::kernels::detail {

/// What one thread has met of one token's logits. Four neighbouring lanes share a token; of every eight words, lane l
/// holds 2 (l % 4) + {0, 1}, as mma.sync and wgmma leave them. The four walk through the teacher's ids in step, and
/// the one that holds a word's logit writes it.
struct HeadRow {
  static constexpr std::uint32_t none = 0xffffffffu;

  float highest = -INFINITY;  ///< times log2(e)
  float total = 0.0f;
  std::int64_t token = 0;
  int index = 0;              ///< of the next teacher's word
  std::uint32_t next = none;  ///< its id
  std::uint32_t target = none;

  /// Begins at word `first`. A row beyond the last token has passed all of the teacher's words and meets no target.
  __device__ void begin(const HeadArguments& arguments, std::int64_t token_, int first) {
    token = token_;
    const bool there = token < arguments.tokens;
    const std::uint32_t* ids = arguments.ids + (there ? token : 0) * arguments.ids_stride;
    index = there ? 0 : arguments.k;
    int end = arguments.k;
    while (index < end) {
      const int middle = (index + end) / 2;
      if (__ldg(ids + middle) < static_cast<std::uint32_t>(first)) {
        index = middle + 1;
      } else {
        end = middle;
      }
    }
    read_next(arguments);
    const std::uint32_t wanted = there ? arguments.targets[token] : none;
    target = wanted < static_cast<std::uint32_t>(arguments.vocabulary) ? wanted : none;
  }

  /// Takes the thread's logits of words [first, first + 8 * groups), first a multiple of 8; logits of words that do
  /// not exist are overwritten. logit(group, i) is a reference.
  template <int groups, class Logit>
  __device__ void add(const HeadArguments& arguments, int first, const Logit& logit) {
    const int lane = static_cast<int>(threadIdx.x) % 4;
    if (first + 8 * groups > arguments.vocabulary) {
#pragma unroll
      for (int g = 0; g < groups; ++g)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          if (first + 8 * g + 2 * lane + i >= arguments.vocabulary) logit(g, i) = -INFINITY;
    }
    float top = -INFINITY;
#pragma unroll
    for (int g = 0; g < groups; ++g) top = fmaxf(top, fmaxf(logit(g, 0), logit(g, 1)));
    top *= log2_e;
    if (top > highest) {
      total *= exp2_fast(highest - top);
      highest = top;
    }
    const float base = reference();
    float sum[2] = {};
#pragma unroll
    for (int g = 0; g < groups; ++g)
#pragma unroll
      for (int i = 0; i < 2; ++i) sum[i] += exp2_fast(fmaf(logit(g, i), log2_e, -base));
    total += sum[0] + sum[1];
#pragma unroll
    for (int g = 0; g < groups; ++g) {
      const auto group_first = static_cast<std::uint32_t>(first + 8 * g);
      // Words before the group belong to another warp.
      while (next < group_first + 8) {
        if ((next - group_first) / 2 == static_cast<std::uint32_t>(lane))
          arguments.gathered[token * arguments.k + index] = next % 2 == 0 ? logit(g, 0) : logit(g, 1);
        ++index;
        read_next(arguments);
      }
      if ((target - group_first) / 2 == static_cast<std::uint32_t>(lane))
        arguments.target_logits[token] = target % 2 == 0 ? logit(g, 0) : logit(g, 1);
    }
  }

  /// Merges the four lanes in a fixed order and leaves the sum as part `part`.
  __device__ void finish(const HeadArguments& arguments, int part) {
#pragma unroll
    for (int distance = 1; distance <= 2; distance *= 2) {
      const float other_highest = __shfl_xor_sync(0xffffffffu, highest, distance);
      const float other_total = __shfl_xor_sync(0xffffffffu, total, distance);
      const float mine = highest;
      highest = fmaxf(highest, other_highest);
      total = total * exp2_fast(mine - reference()) + other_total * exp2_fast(other_highest - reference());
    }
    if (threadIdx.x % 4 == 0 && token < arguments.tokens)
      reinterpret_cast<float2*>(arguments.partial)[token * arguments.parts + part] = make_float2(highest, total);
  }

 private:
  /// Subtracted from exponents: `highest`, but no infinity, so that words that do not exist add 0.
  __device__ float reference() const {
    return highest == -INFINITY ? 0.0f : highest;
  }

  __device__ void read_next(const HeadArguments& arguments) {
    next = index < arguments.k ? __ldg(arguments.ids + token * arguments.ids_stride + index) : none;
    if (next >= static_cast<std::uint32_t>(arguments.vocabulary)) next = none;
  }
};

}  // namespace pare::kernels::detail
