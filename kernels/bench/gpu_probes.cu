// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench/gpu_probes.hpp"

#include "kernels/core/cuda_check.cuh"

namespace pare::bench::detail {
namespace kernel {

__global__ void copy(const uint4* from, uint4* to, std::int64_t count) {
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (; i + 3 * stride < count; i += 4 * stride) {
    const uint4 a = __ldcs(from + i), b = __ldcs(from + i + stride);
    const uint4 c = __ldcs(from + i + 2 * stride), d = __ldcs(from + i + 3 * stride);
    __stcs(to + i, a);
    __stcs(to + i + stride, b);
    __stcs(to + i + 2 * stride, c);
    __stcs(to + i + 3 * stride, d);
  }
  for (; i < count; i += stride) __stcs(to + i, __ldcs(from + i));
}

__global__ void random_fill(std::uint32_t* to, std::int64_t count, std::uint32_t mask) {
  const std::int64_t stride = std::int64_t{gridDim.x} * blockDim.x;
  for (std::int64_t i = std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += stride) {
    // A counter hashed by the finaliser of MurmurHash3.
    std::uint32_t h = static_cast<std::uint32_t>(i) * 0x9E3779B9u + 1u;
    h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
    h = (h ^ (h >> 13)) * 0xC2B2AE35u;
    h ^= h >> 16;
    to[i] = h & mask;
  }
}

constexpr int probe_rounds = 2048;
constexpr int probe_chains = 8;

/// Eight independent chains of m16n8k32 (int8) in registers.
__global__ void __launch_bounds__(mma_probe_threads) int8_mma(const uint4* random, float* sink) {
  const uint4 a = random[threadIdx.x];
  const uint4 b = random[mma_probe_threads + threadIdx.x];
  int c[probe_chains][4] = {};
  for (int round = 0; round < probe_rounds; ++round) {
#pragma unroll
    for (int i = 0; i < probe_chains; ++i) {
      asm volatile(
          "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
          : "+r"(c[i][0]), "+r"(c[i][1]), "+r"(c[i][2]), "+r"(c[i][3])
          : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
    }
  }
  int sum = 0;
  for (int i = 0; i < probe_chains; ++i) sum += c[i][0] + c[i][1] + c[i][2] + c[i][3];
  sink[blockIdx.x * mma_probe_threads + threadIdx.x] = static_cast<float>(sum);
}

/// Eight independent chains of m16n8k16 (bfloat16) in registers.
__global__ void __launch_bounds__(mma_probe_threads) bf16_mma(const uint4* random, float* sink) {
  const uint4 a = random[threadIdx.x];
  const uint4 b = random[mma_probe_threads + threadIdx.x];
  float c[probe_chains][4] = {};
  for (int round = 0; round < probe_rounds; ++round) {
#pragma unroll
    for (int i = 0; i < probe_chains; ++i) {
      asm volatile(
          "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
          : "+f"(c[i][0]), "+f"(c[i][1]), "+f"(c[i][2]), "+f"(c[i][3])
          : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b.x), "r"(b.y));
    }
  }
  float sum = 0.0f;
  for (int i = 0; i < probe_chains; ++i) sum += c[i][0] + c[i][1] + c[i][2] + c[i][3];
  sink[blockIdx.x * mma_probe_threads + threadIdx.x] = sum;
}

}  // namespace kernel

double launch_copy(const void* from, void* to, std::int64_t bytes, const kernels::Stream& stream) {
  kernel::copy<<<stream.multiprocessors() * 4, 512, 0, stream.handle()>>>(static_cast<const uint4*>(from),
                                                                          static_cast<uint4*>(to), bytes / 16);
  CUDA_CHECK_LAUNCH();
  return 2.0 * static_cast<double>(bytes);
}

void launch_random_fill(void* to, std::int64_t bytes, std::uint32_t mask, const kernels::Stream& stream) {
  kernel::random_fill<<<stream.multiprocessors() * 4, 512, 0, stream.handle()>>>(static_cast<std::uint32_t*>(to),
                                                                                 bytes / 4, mask);
  CUDA_CHECK_LAUNCH();
}

double launch_int8_mma(const void* random, float* sink, const kernels::Stream& stream) {
  const int blocks = stream.multiprocessors();
  kernel::int8_mma<<<blocks, mma_probe_threads, 0, stream.handle()>>>(static_cast<const uint4*>(random), sink);
  CUDA_CHECK_LAUNCH();
  return 2.0 * 16 * 8 * 32 * kernel::probe_chains * kernel::probe_rounds * (mma_probe_threads / 32) * blocks;
}

double launch_bf16_mma(const void* random, float* sink, const kernels::Stream& stream) {
  const int blocks = stream.multiprocessors();
  kernel::bf16_mma<<<blocks, mma_probe_threads, 0, stream.handle()>>>(static_cast<const uint4*>(random), sink);
  CUDA_CHECK_LAUNCH();
  return 2.0 * 16 * 8 * 16 * kernel::probe_chains * kernel::probe_rounds * (mma_probe_threads / 32) * blocks;
}

}  // namespace pare::bench::detail
