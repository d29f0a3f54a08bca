// SPDX-License-Identifier: Apache-2.0
#include "kernels/bench/gpu_probes.hpp"
#include "kernels/core/cuda_check.cuh"
#include "kernels/gemm/wgmma.cuh"

namespace pare::bench::detail {
namespace kernel {

using namespace kernels::detail;

constexpr int probe_rounds = 1024;
constexpr int probe_threads = 2 * warpgroup_threads;
constexpr int a_bytes = 2 * 64 * swizzle_bytes;
constexpr int b_bytes = 256 * swizzle_bytes;

/// Two warpgroups, 64 x 256 sums each, four instructions a round on the same 48 KiB of random operands: the matrix units
/// and the shared memory that feeds them as in a GEMM, without loads, barriers and epilogue.
template <class Sum, class Multiply>
__device__ void multiply_forever(const uint4* random, float* sink, const Multiply& multiply) {
  extern __shared__ __align__(1024) unsigned char tiles[];
  for (int i = static_cast<int>(threadIdx.x); i < (a_bytes + b_bytes) / 16; i += probe_threads)
    reinterpret_cast<uint4*>(tiles)[i] = random[i];
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const std::uint32_t base = shared_address(tiles);
  const std::uint64_t a = matrix_descriptor(base + threadIdx.x / warpgroup_threads * (a_bytes / 2));
  const std::uint64_t b = matrix_descriptor(base + a_bytes);
  Sum sums[128];
  for (Sum& sum : sums) sum = 0;
  for (int round = 0; round < probe_rounds; ++round) {
    wgmma_fence();
#pragma unroll
    for (int i = 0; i < 4; ++i) multiply(sums, a + i * next_depth, b + i * next_depth);
    wgmma_commit();
    wgmma_wait<1>();
  }
  wgmma_wait<0>();
  float total = 0.0f;
  for (const Sum sum : sums) total += static_cast<float>(sum);
  sink[blockIdx.x * probe_threads + threadIdx.x] = total;
}

__global__ void __launch_bounds__(probe_threads, 1) int8_wgmma(const uint4* random, float* sink) {
  multiply_forever<std::int32_t>(random, sink, [](std::int32_t(&sums)[128], std::uint64_t a, std::uint64_t b) {
    Wgmma<256>::int8(sums, a, b, 1);
  });
}

__global__ void __launch_bounds__(probe_threads, 1) bf16_wgmma(const uint4* random, float* sink) {
  multiply_forever<float>(random, sink,
                          [](float(&sums)[128], std::uint64_t a, std::uint64_t b) { Wgmma<256>::bf16(sums, a, b, 1); });
}

}  // namespace kernel

namespace {

double launch(void (*probe)(const uint4*, float*), int depth, const void* random, float* sink,
              const kernels::Stream& stream) {
  constexpr int shared_bytes = kernel::a_bytes + kernel::b_bytes;
  const int blocks = stream.multiprocessors();
  CUDA_CALL(cudaFuncSetAttribute(probe, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
  probe<<<blocks, kernel::probe_threads, shared_bytes, stream.handle()>>>(static_cast<const uint4*>(random), sink);
  CUDA_CHECK_LAUNCH();
  return 2.0 * 128 * 256 * depth * 4 * kernel::probe_rounds * blocks;
}

}  // namespace

double launch_int8_wgmma(const void* random, float* sink, const kernels::Stream& stream) {
  return launch(kernel::int8_wgmma, 32, random, sink, stream);
}

double launch_bf16_wgmma(const void* random, float* sink, const kernels::Stream& stream) {
  return launch(kernel::bf16_wgmma, 16, random, sink, stream);
}

}  // namespace pare::bench::detail
