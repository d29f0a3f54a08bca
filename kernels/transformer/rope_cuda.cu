// SPDX-License-Identifier: Apache-2.0
#include "kernels/core/cuda_check.cuh"
#include "kernels/core/row.cuh"
#include "kernels/transformer/rope.hpp"

namespace pare::kernels {
namespace {

constexpr int threads = 128;
constexpr int heads_per_thread = 4;

struct Rotation {
  const float* cosines;
  const float* sines;
  const std::int32_t* positions;
  std::int64_t table_positions;
  std::int64_t tokens;
  int heads;
  int half;
  bool aligned;  ///< every eight values of a half lie in whole accesses of 16 bytes
};

template <class T>
__device__ void load_part(const T* from, bool whole, int count, float (&to)[8]) {
  if (whole) {
    device::Eight<T>::load(from).values(to);
  } else {
    device::load_some(from, count, to);
  }
}

}  // namespace

namespace kernel {

/// Tile: a thread turns the same eight pairs of four heads of a token, which share cosines and sines; neighbouring threads
/// have neighbouring pairs, then heads. Bound: memory, x read and written once; the table stays in the caches.
template <class T>
__global__ void __launch_bounds__(threads) apply_rope(device::Rows<T> x, Rotation rotation) {
  const int units = (rotation.half + 7) / 8;
  const int groups = (rotation.heads + heads_per_thread - 1) / heads_per_thread;
  const auto index = static_cast<int>(blockIdx.x * threads + threadIdx.x);
  const int place = index / units;
  const int first = 8 * (index % units);
  const int token = place / groups;
  const int group = place % groups;
  if (token >= rotation.tokens) return;
  const int count = min(8, rotation.half - first);
  const bool whole = rotation.aligned;
  const int half = rotation.half;
  const std::int64_t position = rotation.positions[token];
  float cosines[8], sines[8];
  if (position >= 0 && position < rotation.table_positions) {
    load_part(rotation.cosines + position * half + first, whole, count, cosines);
    load_part(rotation.sines + position * half + first, whole, count, sines);
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) cosines[i] = sines[i] = __uint_as_float(0x7fc00000u);
  }
  T* row = x.data + token * x.stride + first;
  if (whole) {
    device::Eight<T> a[heads_per_thread], b[heads_per_thread];
#pragma unroll
    for (int k = 0; k < heads_per_thread; ++k) {
      const int head = min(k * groups + group, rotation.heads - 1);
      a[k] = device::Eight<T>::load(row + std::int64_t{head} * 2 * half);
      b[k] = device::Eight<T>::load(row + std::int64_t{head} * 2 * half + half);
    }
#pragma unroll
    for (int k = 0; k < heads_per_thread; ++k) {
      const int head = k * groups + group;
      float u[8], v[8], turned_u[8], turned_v[8];
      a[k].values(u);
      b[k].values(v);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        turned_u[i] = __fsub_rn(__fmul_rn(u[i], cosines[i]), __fmul_rn(v[i], sines[i]));
        turned_v[i] = __fadd_rn(__fmul_rn(v[i], cosines[i]), __fmul_rn(u[i], sines[i]));
      }
      if (head < rotation.heads) {
        device::store_eight(row + std::int64_t{head} * 2 * half, turned_u);
        device::store_eight(row + std::int64_t{head} * 2 * half + half, turned_v);
      }
    }
    return;
  }
  for (int head = group; head < rotation.heads; head += groups) {
    T* u = row + std::int64_t{head} * 2 * half;
    T* v = u + half;
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i >= count) break;
      const float a = device::widened(u[i]);
      const float b = device::widened(v[i]);
      device::convert(__fsub_rn(__fmul_rn(a, cosines[i]), __fmul_rn(b, sines[i])), u[i]);
      device::convert(__fadd_rn(__fmul_rn(b, cosines[i]), __fmul_rn(a, sines[i])), v[i]);
    }
  }
}

}  // namespace kernel

namespace {

template <class T>
void launch(const DeviceRopeTable& table, DeviceSpan<const std::int32_t> positions, std::int64_t heads, DeviceView<T> x,
            const Stream& stream) {
  const std::int64_t half = table.half();
  EXPECT(x.cols == heads * 2 * half, x.cols, " columns for ", heads, " heads of ", 2 * half);
  EXPECT(positions.size == x.rows, positions.size, " positions for ", x.rows, " tokens");
  const std::int64_t work = x.rows * ((heads + heads_per_thread - 1) / heads_per_thread) * ((half + 7) / 8);
  VALIDATE(work < (std::int64_t{1} << 31) - threads, x.rows, " tokens of ", heads, " heads are too many for one call");
  if (work == 0) return;
  const device::Rows<T> rows(x);
  kernel::apply_rope<T><<<static_cast<unsigned>((work + threads - 1) / threads), threads, 0, stream.handle()>>>(
      rows, {table.cosines(), table.sines(), positions.data, table.positions(), x.rows, static_cast<int>(heads),
             static_cast<int>(half), rows.aligned && half % 8 == 0});
  CUDA_CHECK_LAUNCH();
}

}  // namespace

void apply_rope(const DeviceRopeTable& table, DeviceSpan<const std::int32_t> positions, std::int64_t heads,
                DeviceView<BFloat16> x, const Stream& stream) {
  launch(table, positions, heads, x, stream);
}

void apply_rope(const DeviceRopeTable& table, DeviceSpan<const std::int32_t> positions, std::int64_t heads,
                DeviceView<float> x, const Stream& stream) {
  launch(table, positions, heads, x, stream);
}

}  // namespace pare::kernels
