// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/stream.hpp"

/// Launchers behind measure_gpu_peaks; each enqueues one run on every multiprocessor and returns what it does.

namespace pare::bench::detail {

/// Copies `bytes` (a multiple of 16) and returns bytes read plus written.
double launch_copy(const void* from, void* to, std::int64_t bytes, const kernels::Stream& stream);

/// Fills `bytes` (a multiple of 4) with random bits, those that are 0 in `mask` cleared. With bfloat16_mask they are
/// bfloat16 values between -2 and 2.
inline constexpr std::uint32_t bfloat16_mask = 0xBFFFBFFFu;
void launch_random_fill(void* to, std::int64_t bytes, std::uint32_t mask, const kernels::Stream& stream);

/// Operations of the matrix units (a multiply-add counts two), fed from registers (mma.sync). `sink` takes 4 bytes a
/// thread of the launch: at most mma_probe_threads * multiprocessors.
inline constexpr int mma_probe_threads = 512;
double launch_int8_mma(const void* random, float* sink, const kernels::Stream& stream);
double launch_bf16_mma(const void* random, float* sink, const kernels::Stream& stream);

/// The same for Hopper's wgmma, fed from shared memory. Compiled for sm_90a only.
double launch_int8_wgmma(const void* random, float* sink, const kernels::Stream& stream);
double launch_bf16_wgmma(const void* random, float* sink, const kernels::Stream& stream);

}  // namespace pare::bench::detail
