// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/contract.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/transformer/head_launch.hpp"

namespace pare::kernels::detail {
namespace kernel {

constexpr int select_threads = 512;
constexpr int select_warps = select_threads / 32;
constexpr int digits = 256;

/// Bits that order as the values do; both zeros alike.
__device__ std::uint32_t ordered(float x) {
  const std::uint32_t bits = __float_as_uint(x == 0.0f ? 0.0f : x);
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

/// The k-th largest key of a row, digit after digit of eight bits, and how many of the keys equal to it belong to the
/// k largest. All threads get both.
struct Threshold {
  std::uint32_t key;
  int ties;
};

__device__ Threshold find_threshold(const float* logits, int count, int k, int (&histogram)[digits],
                                    Threshold& shared) {
  std::uint32_t prefix = 0;
  int wanted = k;
  for (int shift = 24; shift >= 0; shift -= 8) {
    for (int i = static_cast<int>(threadIdx.x); i < digits; i += select_threads) histogram[i] = 0;
    __syncthreads();
    const std::uint32_t above = shift == 24 ? 0u : ~0u << (shift + 8);
    for (int i = static_cast<int>(threadIdx.x); i < count; i += select_threads) {
      const std::uint32_t key = ordered(logits[i]);
      if ((key & above) == prefix) atomicAdd(&histogram[key >> shift & 255u], 1);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      int digit = digits - 1;
      int left = wanted;
      while (histogram[digit] < left) left -= histogram[digit--];
      shared = {prefix | static_cast<std::uint32_t>(digit) << shift, left};
    }
    __syncthreads();
    prefix = shared.key;
    wanted = shared.ties;
  }
  return {prefix, wanted};
}

/// log(sum(exp(logits))) in binary64, in an order that `count` alone determines.
__device__ double log_sum_exp(const float* logits, int count, double (&shared)[select_warps]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  float highest = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += select_threads) highest = fmaxf(highest, logits[i]);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2)
    highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, distance));
  if (lane == 0) shared[warp] = double{highest};
  __syncthreads();
  for (int i = 0; i < select_warps; ++i) highest = fmaxf(highest, static_cast<float>(shared[i]));
  __syncthreads();
  double sum = 0.0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += select_threads) sum += double{expf(logits[i] - highest)};
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, distance);
  if (lane == 0) shared[warp] = sum;
  __syncthreads();
  sum = 0.0;
  for (int i = 0; i < select_warps; ++i) sum += shared[i];
  return double{highest} + log(sum);
}

/// A block a token. The row is read from the caches and memory eight times: simple, for a teacher that runs once. Each
/// warp then takes a range of words, so that ids ascend: it counts what it keeps, and writes behind the warps before
/// it.
__global__ void __launch_bounds__(select_threads)
    select(const float* logits, std::int64_t logits_stride, int vocabulary, int k, std::uint32_t* ids,
           std::int64_t ids_stride, float* log_probabilities, std::int64_t log_stride) {
  __shared__ int histogram[digits];
  __shared__ Threshold shared_threshold;
  __shared__ double shared_sums[select_warps];
  __shared__ int above_of[select_warps];
  __shared__ int ties_of[select_warps];
  const float* row = logits + blockIdx.x * logits_stride;
  const double normaliser = log_sum_exp(row, vocabulary, shared_sums);
  const Threshold threshold = find_threshold(row, vocabulary, k, histogram, shared_threshold);

  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int words = (vocabulary + select_threads - 1) / select_threads * 32;  // of a warp
  const int begin = min(warp * words, vocabulary);
  const int end = min(begin + words, vocabulary);
  int above = 0;
  int ties = 0;
  for (int i = begin + lane; i < end; i += 32) {
    const std::uint32_t key = ordered(row[i]);
    above += key > threshold.key ? 1 : 0;
    ties += key == threshold.key ? 1 : 0;
  }
  above = __reduce_add_sync(0xffffffffu, above);
  ties = __reduce_add_sync(0xffffffffu, ties);
  if (lane == 0) {
    above_of[warp] = above;
    ties_of[warp] = ties;
  }
  __syncthreads();
  int ties_before = 0;
  int place = 0;
  for (int w = 0; w < warp; ++w) {
    place += above_of[w];
    ties_before += ties_of[w];
  }
  place += min(ties_before, threshold.ties);
  for (int first = begin; first < end; first += 32) {
    const int i = first + lane;
    const float logit = i < end ? row[i] : 0.0f;
    const std::uint32_t key = ordered(logit);
    const unsigned tied = __ballot_sync(0xffffffffu, i < end && key == threshold.key);
    const unsigned lower_lanes = (1u << lane) - 1u;
    const bool takes_tie = ties_before + __popc(tied & lower_lanes) < threshold.ties;
    const bool keeps = i < end && (key > threshold.key || (key == threshold.key && takes_tie));
    const unsigned kept = __ballot_sync(0xffffffffu, keeps);
    if (keeps) {
      const int to = place + __popc(kept & lower_lanes);
      ids[blockIdx.x * ids_stride + to] = static_cast<std::uint32_t>(i);
      log_probabilities[blockIdx.x * log_stride + to] = static_cast<float>(double{logit} - normaliser);
    }
    place += __popc(kept);
    ties_before += __popc(tied);
  }
}

}  // namespace kernel

void launch_head_select(const float* logits, std::int64_t logits_stride, std::int64_t tokens, int vocabulary, int k,
                        std::uint32_t* ids, std::int64_t ids_stride, float* log_probabilities, std::int64_t log_stride,
                        const Stream& stream) {
  EXPECT(tokens <= 0x7fffffff, tokens);
  kernel::select<<<static_cast<unsigned>(tokens), kernel::select_threads, 0, stream.handle()>>>(
      logits, logits_stride, vocabulary, k, ids, ids_stride, log_probabilities, log_stride);
  CUDA_CHECK_LAUNCH();
}

}  // namespace pare::kernels::detail
