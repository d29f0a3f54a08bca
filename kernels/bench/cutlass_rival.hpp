// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

namespace pare::bench {

/// CUTLASS's int8 product for Hopper with bfloat16 out and one scale for all: out [m, n] = scale * x [m, k] * weight [n,
/// k]^T. Tiles of 128 x 128 x 128 in ping-pong (what vLLM takes for many tokens) or of 128 x 256 x 128 in cooperation, both
/// with clusters of two. k is a multiple of 16, n of 8. Throws DeviceError.
enum class CutlassSchedule { pingpong_128, cooperative_256 };
void launch_cutlass_int8(CutlassSchedule schedule, std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* x,
                         const std::int8_t* weight, float scale, kernels::BFloat16* out, const kernels::Stream& stream);

}  // namespace pare::bench
