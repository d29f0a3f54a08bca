// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

/// Eight neighbouring packed weights as four pairs of bfloat16, as the tensor cores take them: bfloat16(scale * (code -
/// zero)), rounded once. Which weights make a pair is the format's choice; x is put in the same order.

namespace pare::kernels::detail {

__device__ inline std::uint32_t bfloat16_pair(float first, float second) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

/// a * b + c of two bfloat16 at once, each rounded once.
__device__ inline std::uint32_t fma_pairs(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t result;
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(result) : "r"(a), "r"(b), "r"(c));
  return result;
}

/// Scale and zero point of a group, as the codes of `bits` bits need them.
template <int bits>
struct DecodeGroup;

/// Two codes at a time, four apart in their word, with no conversion: below the bits of 128, a code is the bfloat16 128 +
/// code, so code - zero (a bfloat16) is one subtraction away. The scale has 11 bits, a bfloat16 8: it is split into high +
/// low, low of at most 3 bits (|low| is at most half of high's last bit), so that low * (code - zero) is exact and the sum
/// high * (code - zero) + that is rounded once.
template <>
struct DecodeGroup<4> {
  std::uint32_t high;
  std::uint32_t low;
  std::uint32_t base;  ///< -(128 + zero)

  /// zero < 16
  __device__ DecodeGroup(float scale, std::uint32_t zero) {
    high = bfloat16_pair(scale, scale);
    const float rest = __fsub_rn(scale, __uint_as_float(high & 0xFFFF0000u));
    low = bfloat16_pair(rest, rest);
    base = (zero * 0x00010001u) | 0xC300C300u;
  }

  __device__ std::uint32_t pair(std::uint32_t word) const {
    constexpr std::uint32_t ones = 0x3F803F80u, minus_zeros = 0x80008000u;
    std::uint32_t raised;  // (word & 0x000F000F) | 0x43004300, as one instruction
    asm("lop3.b32 %0, %1, 0x000F000F, %2, 0xEA;" : "=r"(raised) : "r"(word), "r"(0x43004300u));
    const std::uint32_t code = fma_pairs(raised, ones, base);
    return fma_pairs(code, high, fma_pairs(code, low, minus_zeros));
  }

  /// `piece` 0..3 of 16 bytes.
  __device__ void expand(const uint4& codes, int piece, std::uint32_t (&pairs)[4]) const {
    const std::uint32_t word = piece == 0 ? codes.x : piece == 1 ? codes.y : piece == 2 ? codes.z : codes.w;
#pragma unroll
    for (int i = 0; i < 4; ++i) pairs[i] = pair(word >> 4 * i);
  }

  /// Eight neighbouring inputs in the order of the pairs: 0 4, 1 5, 2 6, 3 7.
  __device__ static uint4 in_order(const uint4& x) {
    return {__byte_perm(x.x, x.z, 0x5410), __byte_perm(x.x, x.z, 0x7632), __byte_perm(x.y, x.w, 0x5410),
            __byte_perm(x.y, x.w, 0x7632)};
  }
};

/// A byte below the exponent of 2^23 is the float 2^23 + code; scale * (code - zero) is exact in binary32 (11 by 9 bits).
template <>
struct DecodeGroup<8> {
  float scale;
  float base;

  __device__ DecodeGroup(float scale_, std::uint32_t zero) {
    scale = scale_;
    base = __uint_as_float(0x4B000000u | zero);
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

  __device__ static uint4 in_order(const uint4& x) { return x; }
};

}  // namespace pare::kernels::detail
