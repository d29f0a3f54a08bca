// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

/// Sixteen floats handled as one value: GCC's vector extension, one register with AVX-512 and several with
/// less.
///
/// Kernels whose sums must not depend on where data happen to lie are written with Lanes instead of being
/// left to the vectoriser: the order of additions is then the one written down, and the last few elements of
/// a row go through the same instructions as all others.

namespace pare::kernels {

inline constexpr std::int64_t lane_count = 16;
using Lanes = float __attribute__((vector_size(64)));
using IntLanes = std::int32_t __attribute__((vector_size(64)));
using UnsignedLanes = std::uint32_t __attribute__((vector_size(64)));
using DoubleLanes = double __attribute__((vector_size(64)));

inline Lanes splat(float x) {
  return Lanes{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}

inline Lanes load(const float* p) {
  Lanes lanes;
  std::memcpy(&lanes, p, sizeof(lanes));
  return lanes;
}

/// The first `count` (1..16) values at p; the other lanes are `fill`.
inline Lanes load_some(const float* p, std::int64_t count, float fill = 0.0f) {
  if (count >= lane_count) return load(p);
  Lanes lanes = splat(fill);
  std::memcpy(&lanes, p, static_cast<std::size_t>(count) * sizeof(float));
  return lanes;
}

inline void store(float* p, Lanes lanes) {
  std::memcpy(p, &lanes, sizeof(lanes));
}

inline void store_some(float* p, Lanes lanes, std::int64_t count) {
  std::memcpy(p, &lanes, static_cast<std::size_t>(std::min(count, lane_count)) * sizeof(float));
}

inline Lanes max(Lanes a, Lanes b) {
  return a > b ? a : b;
}

/// Keeps the first `count` lanes and sets the others to `fill`.
inline Lanes keep_first(Lanes lanes, std::int64_t count, float fill) {
  constexpr IntLanes index{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return index < static_cast<std::int32_t>(std::min(count, lane_count)) ? lanes : splat(fill);
}

/// Lane i becomes lane (i + by) % 16.
template <int by>
Lanes rotate(Lanes x) {
  return __builtin_shufflevector(x, x, by, by + 1, by + 2, by + 3, by + 4, by + 5, by + 6, by + 7, by + 8, by + 9,
                                 by + 10, by + 11, by + 12, by + 13, by + 14, by + 15);
}

/// Adds the lanes as a binary tree.
inline float sum(Lanes x) {
  x += rotate<8>(x);
  x += rotate<4>(x);
  x += rotate<2>(x);
  x += rotate<1>(x);
  return x[0];
}

inline float largest(Lanes x) {
  x = max(x, rotate<8>(x));
  x = max(x, rotate<4>(x));
  x = max(x, rotate<2>(x));
  x = max(x, rotate<1>(x));
  return x[0];
}

inline DoubleLanes low_half(Lanes lanes) {
  return __builtin_convertvector(__builtin_shufflevector(lanes, lanes, 0, 1, 2, 3, 4, 5, 6, 7), DoubleLanes);
}

inline DoubleLanes high_half(Lanes lanes) {
  return __builtin_convertvector(__builtin_shufflevector(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15), DoubleLanes);
}

inline double sum(DoubleLanes lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/// Half of Lanes, for loops that clamp or choose: without AVX-512, g++ 12 compares vectors that are wider than a
/// register lane by lane.
inline constexpr std::int64_t half_lane_count = 8;
using HalfLanes = float __attribute__((vector_size(32)));
using UnsignedHalfLanes = std::uint32_t __attribute__((vector_size(32)));
using HalfDoubleLanes = double __attribute__((vector_size(32)));

inline HalfLanes splat_half(float x) {
  return HalfLanes{x, x, x, x, x, x, x, x};
}

/// The first `count` values at p, none if it is not positive; the other lanes are 0.
inline HalfLanes load_half(const float* p, std::int64_t count = half_lane_count) {
  HalfLanes lanes{};
  if (count >= half_lane_count) {
    std::memcpy(&lanes, p, sizeof(lanes));
  } else if (count > 0) {
    std::memcpy(&lanes, p, static_cast<std::size_t>(count) * sizeof(float));
  }
  return lanes;
}

/// The first `count` lanes, none if it is not positive.
inline void store_half(float* p, HalfLanes lanes, std::int64_t count = half_lane_count) {
  if (count >= half_lane_count) {
    std::memcpy(p, &lanes, sizeof(lanes));
  } else if (count > 0) {
    std::memcpy(p, &lanes, static_cast<std::size_t>(count) * sizeof(float));
  }
}

inline HalfDoubleLanes low_half(HalfLanes lanes) {
  return __builtin_convertvector(__builtin_shufflevector(lanes, lanes, 0, 1, 2, 3), HalfDoubleLanes);
}

inline HalfDoubleLanes high_half(HalfLanes lanes) {
  return __builtin_convertvector(__builtin_shufflevector(lanes, lanes, 4, 5, 6, 7), HalfDoubleLanes);
}

/// What the lanes [low, high] add up to, in the order of sum(Lanes).
inline float sum(HalfLanes low, HalfLanes high) {
  const HalfLanes x = low + high;
  return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

}  // namespace pare::kernels
