// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_bf16.h>

#include <cstdint>

#include "kernels/gemm/mma.cuh"
#include "kernels/transformer/bf16_tile.hpp"

/// What the kernels of this room need of sm_80 beside gemm/mma.cuh, on tiles laid out as in bf16_tile.hpp. Of the 16 x 8
/// sums of m16n8k16, thread t holds (row t / 4, columns 2 (t % 4) + {0, 1}) and the same of row t / 4 + 8.

namespace pare::kernels::detail {

/// Copies 16 bytes past the registers and the first cache, or writes zeros when there is nothing to copy.
__device__ inline void copy_chunk(std::uint32_t to, const __nv_bfloat16* from, bool exists) {
  const int bytes = exists ? 16 : 0;
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

__device__ inline void load_matrices_transposed(std::uint32_t (&to)[4], std::uint32_t from) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(from)
               : "memory");
}

/// Two floats to bfloat16, nearest, ties to even; `low` in the lower half.
__device__ inline std::uint32_t pack_bf16(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return reinterpret_cast<const std::uint32_t&>(pair);
}

/// 2^x to about 2 ulp; 0 for -infinity.
__device__ inline float exp2_fast(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

inline constexpr float log2_e = 1.4426950408889634f;

}  // namespace pare::kernels::detail
