// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Marks functions that kernels share with the host: bit and index arithmetic, which tests can then check without a GPU.
#ifdef __CUDACC__
#  define PARE_HOST_DEVICE __host__ __device__
#else
#  define PARE_HOST_DEVICE
#endif
