// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_bf16.h>

/// Eight neighbouring packed weights as four pairs of bfloat16, as the tensor cores take them: bfloat16(scale * (code -
/// zero)). The product itself is exact in binary32 (11 by at most 9 bits), so that one rounding is left.

namespace pare::kernels::detail {

__device__ inline std::uint32_t bfloat16_pair(float first, float second) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
  return std::uint32_t{__bfloat16_as_ushort(pair.x)} | std::uint32_t{__bfloat16_as_ushort(pair.y)} << 16;
}

/// Scale and zero point of a group, as the codes of `bits` bits need them.
template <int bits>
struct DecodeGroup;

/// A code of 4 bits that lies at bits 16..19 of a word is, with the exponent of 128 above it, the float 128 + code; at bits
/// 12..15, with that of 2048, the float 2048 + code. No conversion, and fma(128 + code, scale, -scale * (128 + zero)) is
/// exact: scale * (2048 + zero) has 23 bits.
template <>
struct DecodeGroup<4> {
  float scale;
  float from_128;
  float from_2048;

  __device__ DecodeGroup(float scale_, int zero) {
    scale = scale_;
    from_128 = -__fmul_rn(scale_, static_cast<float>(128 + zero));
    from_2048 = -__fmul_rn(scale_, static_cast<float>(2048 + zero));
  }

  __device__ float at_16(std::uint32_t word) const {
    return __fmaf_rn(__uint_as_float((word & 0x000F0000u) | 0x43000000u), scale, from_128);
  }
  __device__ float at_12(std::uint32_t word) const {
    return __fmaf_rn(__uint_as_float((word & 0x0000F000u) | 0x45000000u), scale, from_2048);
  }

  /// `piece` 0..3 of 16 bytes.
  __device__ void expand(const uint4& codes, int piece, std::uint32_t (&pairs)[4]) const {
    const std::uint32_t word = piece == 0 ? codes.x : piece == 1 ? codes.y : piece == 2 ? codes.z : codes.w;
    const std::uint32_t up = word << 8, down = word >> 8;
    pairs[0] = bfloat16_pair(at_16(word << 16), at_12(up));
    pairs[1] = bfloat16_pair(at_16(up), at_12(word));
    pairs[2] = bfloat16_pair(at_16(word), at_12(down));
    pairs[3] = bfloat16_pair(at_16(down), at_16(word >> 12));
  }
};

/// A byte below the exponent of 2^23 is the float 2^23 + code.
template <>
struct DecodeGroup<8> {
  float scale;
  float base;

  __device__ DecodeGroup(float scale_, int zero) {
    scale = scale_;
    base = static_cast<float>(8388608 + zero);
  }

  template <int byte>
  __device__ float at(std::uint32_t word) const {
    const float raised = __uint_as_float(__byte_perm(word, 0x4B000000u, 0x7650 + byte));
    return __fmul_rn(__fsub_rn(raised, base), scale);
  }

  /// `piece` 0..1 of 16 bytes.
  __device__ void expand(const uint4& codes, int piece, std::uint32_t (&pairs)[4]) const {
    const std::uint32_t low = piece == 0 ? codes.x : codes.z, high = piece == 0 ? codes.y : codes.w;
    pairs[0] = bfloat16_pair(at<0>(low), at<1>(low));
    pairs[1] = bfloat16_pair(at<2>(low), at<3>(low));
    pairs[2] = bfloat16_pair(at<0>(high), at<1>(high));
    pairs[3] = bfloat16_pair(at<2>(high), at<3>(high));
  }
};

}  // namespace pare::kernels::detail
