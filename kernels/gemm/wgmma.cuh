// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/shared_address.cuh"
#include "kernels/gemm/wgmma_instructions.cuh"

/// Hopper's matrix instructions (PTX ISA 8.7, "Asynchronous Warpgroup Level Matrix Instructions") for tiles in shared
/// memory whose rows are 128 bytes along K, stored with the 128-byte swizzle of TMA: both operands K-major. For sm_90a.
///
/// A warpgroup is four consecutive warps, the first one's index divisible by four. Of the 64 x N sums, thread t holds for
/// every 8 columns c: rows 16 (t / 32) + (t % 32) / 4 + {0, 8}, columns c + 2 (t % 4) + {0, 1}, in the order (row 0, col
/// 0), (row 0, col 1), (row 8, col 0), (row 8, col 1).

namespace pare::kernels::detail {

inline constexpr int warpgroup_threads = 128;
/// Bytes of a row of a tile.
inline constexpr int swizzle_bytes = 128;

/// Where an operand begins: address / 16 in bits 0-13; the distance of groups of eight rows (1024 bytes) / 16 in bits
/// 32-45; swizzle of 128 bytes in bits 62-63. Tiles begin at multiples of 1024 bytes. The distance along K (bits 16-29)
/// is not used with this swizzle and set to 1.
__device__ inline std::uint64_t matrix_descriptor(std::uint32_t shared_address) {
  return (std::uint64_t{1} << 62) | (std::uint64_t{1024 >> 4} << 32) | (std::uint64_t{1} << 16) |
         ((shared_address & 0x3FFFFu) >> 4);
}

/// The descriptor of what lies 32 bytes of K further: int8 x 32 or bfloat16 x 16, one instruction's depth.
inline constexpr std::uint64_t next_depth = 32 >> 4;

__device__ inline void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ inline void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/// Waits until at most `pending` groups are not complete.
template <int pending>
__device__ inline void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

}  // namespace pare::kernels::detail
