// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cuda_runtime_api.h>

/// CUDA_CALL(call) throws DeviceError, or DeviceMemoryError, with the call, its place and CUDA's reason when the call
/// does not return cudaSuccess, and clears the error. CUDA_CHECK_LAUNCH() does so after a kernel launch; errors inside the
/// kernel appear at the next synchronisation. For files that are compiled with CUDA only.

namespace pare::kernels::detail {

void throw_cuda_error(cudaError_t error, const char* call, const char* file, int line);

}  // namespace pare::kernels::detail

#define CUDA_CALL(call)                                                                      \
  do {                                                                                       \
    if (const cudaError_t cuda_call_error = (call); cuda_call_error != cudaSuccess)          \
      ::pare::kernels::detail::throw_cuda_error(cuda_call_error, #call, __FILE__, __LINE__); \
  } while (false)

#define CUDA_CHECK_LAUNCH() CUDA_CALL(cudaGetLastError())
