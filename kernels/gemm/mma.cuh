// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/shared_address.cuh"

/// The instructions of Ampere's tensor-core pipeline (PTX ISA, sm_80 and above): copies that bypass registers, fragments
/// from shared memory, products of a warp.

namespace pare::kernels::detail {

/// 16 bytes to shared memory, of which the first `bytes` are read and the rest are 0.
__device__ inline void copy_async(std::uint32_t to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

__device__ inline void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until at most `pending` of this thread's groups are not complete.
template <int pending>
__device__ inline void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/// Four matrices of 8 rows of 16 bytes: lane l names row l % 8 of matrix l / 8, and gets bytes 4 (l % 4) .. + 3 of row
/// l / 4 of each.
__device__ inline void load_matrices(std::uint32_t from, std::uint32_t& a, std::uint32_t& b, std::uint32_t& c,
                                     std::uint32_t& d) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(a), "=r"(b), "=r"(c), "=r"(d)
               : "r"(from)
               : "memory");
}

__device__ inline void load_matrices(std::uint32_t (&to)[4], std::uint32_t from) {
  load_matrices(from, to[0], to[1], to[2], to[3]);
}

/// sums [16, 8] += a [16, 32] b [8, 32]^T in int8, sums of int32 that wrap. Lane l holds of a: rows l / 4 + {0, 8, 0, 8},
/// values 4 (l % 4) + {0, 0, 16, 16} .. + 3; of b: row l / 4, values 4 (l % 4) + {0, 16} .. + 3; of the sums: rows l / 4 +
/// {0, 0, 8, 8}, columns 2 (l % 4) + {0, 1, 0, 1}.
__device__ inline void multiply_int8(std::int32_t (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                     std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+r"(sums[0]), "+r"(sums[1]), "+r"(sums[2]), "+r"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The same of a [16, 16] and b [8, 16] in bfloat16, sums of binary32: pairs of values in place of fours.
__device__ inline void multiply_bfloat16(float (&sums)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                         std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

}  // namespace pare::kernels::detail
