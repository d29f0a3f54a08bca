// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/core/dtype.hpp"

/// Eight neighbouring values of a row, in binary32 in registers: their conversions (nearest even; NaN becomes the NaN
/// 0x7fff in bfloat16) and accesses of 16 bytes. For kernels.

namespace pare::kernels::device {

__device__ inline float widened(BFloat16 x) {
  return __uint_as_float(std::uint32_t{x.bits} << 16);
}

__device__ inline float widened(float x) {
  return x;
}

__device__ inline float half_to_float(std::uint16_t bits) {
  return __half2float(__ushort_as_half(bits));
}

/// Two values in one word, the first in the lower half.
__device__ inline std::uint32_t bfloat16_pair(float first, float second) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

__device__ inline void convert(float x, float& to) {
  to = x;
}

__device__ inline void convert(float x, BFloat16& to) {
  to.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

/// As they are loaded.
template <class T>
struct Eight;

template <>
struct Eight<BFloat16> {
  uint4 words;

  __device__ static Eight zeros() { return {make_uint4(0, 0, 0, 0)}; }
  __device__ static Eight load(const BFloat16* at) { return {*reinterpret_cast<const uint4*>(at)}; }
  __device__ static Eight load_some(const BFloat16* at, int count) {
    std::uint32_t pairs[4] = {};
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i < count) pairs[i / 2] |= std::uint32_t{at[i].bits} << (i % 2 * 16);
    }
    return {make_uint4(pairs[0], pairs[1], pairs[2], pairs[3])};
  }
  __device__ void values(float (&to)[8]) const {
    const std::uint32_t pairs[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      to[2 * i] = __uint_as_float(pairs[i] << 16);
      to[2 * i + 1] = __uint_as_float(pairs[i] & 0xffff0000u);
    }
  }
};

template <>
struct Eight<float> {
  float4 low, high;

  __device__ static Eight zeros() { return {make_float4(0, 0, 0, 0), make_float4(0, 0, 0, 0)}; }
  __device__ static Eight load(const float* at) {
    return {*reinterpret_cast<const float4*>(at), *reinterpret_cast<const float4*>(at + 4)};
  }
  __device__ static Eight load_some(const float* at, int count) {
    float v[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i] = i < count ? at[i] : 0.0f;
    return {make_float4(v[0], v[1], v[2], v[3]), make_float4(v[4], v[5], v[6], v[7])};
  }
  __device__ void values(float (&to)[8]) const {
    to[0] = low.x, to[1] = low.y, to[2] = low.z, to[3] = low.w;
    to[4] = high.x, to[5] = high.y, to[6] = high.z, to[7] = high.w;
  }
};

__device__ inline void store_eight(BFloat16* to, const float (&v)[8]) {
  *reinterpret_cast<uint4*>(to) = make_uint4(bfloat16_pair(v[0], v[1]), bfloat16_pair(v[2], v[3]),
                                             bfloat16_pair(v[4], v[5]), bfloat16_pair(v[6], v[7]));
}

__device__ inline void store_eight(float* to, const float (&v)[8]) {
  *reinterpret_cast<float4*>(to) = make_float4(v[0], v[1], v[2], v[3]);
  *reinterpret_cast<float4*>(to + 4) = make_float4(v[4], v[5], v[6], v[7]);
}

/// The first `count` of eight values one by one: rows that are not aligned to 16 bytes, and their ends.
template <class T>
__device__ void store_some(T* to, const float (&v)[8], int count) {
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    if (i < count) convert(v[i], to[i]);
  }
}

/// The others are 0.
template <class T>
__device__ void load_some(const T* from, int count, float (&v)[8]) {
#pragma unroll
  for (int i = 0; i < 8; ++i) v[i] = i < count ? widened(from[i]) : 0.0f;
}

/// Four bytes 0..255 become value - zero, exactly and without an integer conversion: 2^23 + byte has the byte as its last
/// bits. `offset` is 2^23 + zero.
__device__ inline void bytes_above(std::uint32_t bytes, float offset, float* to) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    to[i] = __fsub_rn(__uint_as_float(__byte_perm(bytes, 0x4b000000u, 0x7540u + static_cast<unsigned>(i))), offset);
  }
}

}  // namespace pare::kernels::device
