// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/core/host_device.hpp"

namespace pare::kernels {

/// Whether quotient_by divides by a scale with these bits: its exponent keeps every intermediate result of |x| <= 128
/// scales normal, and its mantissa is not all ones (the one exception of the theorem below).
PARE_HOST_DEVICE constexpr bool divides_by_reciprocal(std::uint32_t scale_bits) {
  constexpr std::uint32_t lowest = (127u - 90u) << 23;
  constexpr std::uint32_t highest = (127u + 90u) << 23;
  return scale_bits >= lowest && scale_bits < highest && (scale_bits & 0x7fffffu) != 0x7fffffu;
}

/// x / scale, rounded to nearest, for |x / scale| in [0.25, 128]; below that some value below 0.26. In five operations
/// without a branch, with the correctly rounded reciprocal of a scale that divides_by_reciprocal: the first correction brings
/// the quotient within a unit in the last place, the second rounds it correctly (Markstein, IBM J. Res. Dev. 34, 1990,
/// theorem 2).
PARE_HOST_DEVICE inline float quotient_by(float x, float scale, float reciprocal) {
#ifdef __CUDA_ARCH__
  const float rough = __fmul_rn(x, reciprocal);
  const float close = __fmaf_rn(__fmaf_rn(-rough, scale, x), reciprocal, rough);
  return __fmaf_rn(__fmaf_rn(-close, scale, x), reciprocal, close);
#else
  const float rough = x * reciprocal;
  const float close = std::fma(std::fma(-rough, scale, x), reciprocal, rough);
  return std::fma(std::fma(-close, scale, x), reciprocal, close);
#endif
}

}  // namespace pare::kernels
