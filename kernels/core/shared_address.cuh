// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace pare::kernels::detail {

/// The 32-bit address by which instructions name shared memory.
__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

}  // namespace pare::kernels::detail
