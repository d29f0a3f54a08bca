// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/eight.cuh"

/// A row of a matrix held in the registers of a group of threads (a warp or a CTA): what norms and per-token quantization
/// stand on. The row is cut into vectors of eight values; vector v of thread t in a chunk of `threads` * `vectors` of them
/// is the (v * threads + t)-th. Rows of more than one chunk are read again for every pass. Who holds which value depends on
/// the number of columns alone, neither on the type in memory nor on the alignment nor on other rows, so sums have one
/// order.

namespace pare::kernels {
namespace device {

inline constexpr int row_cta_threads = 128;  ///< where a warp has a row: four rows a CTA

/// One row for `threads` threads.
template <int threads_, int vectors_>
struct RowShape {
  static constexpr int threads = threads_;
  static constexpr int vectors = vectors_;
  static constexpr int cta_threads = threads == 32 ? row_cta_threads : threads;
  static constexpr int rows_per_cta = cta_threads / threads;
  static constexpr int ctas = 1024 / cta_threads;  ///< at a time on a multiprocessor, at least: 64 registers a thread
  using Values = float[vectors][8];

  __device__ static std::int64_t row() {
    return std::int64_t{blockIdx.x} * rows_per_cta + (rows_per_cta == 1 ? 0 : threadIdx.x / threads);
  }
  __device__ static int chunks(int cols) {
    constexpr int chunk = 8 * threads * vectors;
    return (cols + chunk - 1) / chunk;
  }
  /// The first column of vector v of this thread.
  __device__ static int column(int chunk, int v) {
    return 8 * ((chunk * vectors + v) * threads + static_cast<int>(threadIdx.x % threads));
  }
};

/// Calls f with the shape for rows of `cols` values: it depends on nothing else.
template <class F>
void with_row_shape(std::int64_t cols, const F& f) {
  if (cols <= 512) return f.template operator()<RowShape<32, 2>>();
  if (cols <= 4096) return f.template operator()<RowShape<128, 4>>();
  return f.template operator()<RowShape<512, 4>>();
}

template <class Shape>
unsigned row_ctas(std::int64_t rows) {
  return static_cast<unsigned>((rows + Shape::rows_per_cta - 1) / Shape::rows_per_cta);
}

/// A matrix as a kernel takes it.
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t stride = 0;
  bool aligned = false;  ///< eight neighbouring values lie in whole accesses of 16 bytes (8 for int8)

  Rows() = default;
  explicit Rows(const DeviceView<T>& view) : data(view.data), stride(view.stride) {
    constexpr std::int64_t bytes = sizeof(T) == 1 ? 8 : 16;
    aligned = reinterpret_cast<std::uintptr_t>(data) % bytes == 0 &&
              stride * static_cast<std::int64_t>(sizeof(T)) % bytes == 0;
  }
};

/// This thread's values of a chunk as they lie in memory; those beyond the row are 0. All whole vectors are loaded before
/// the first is used.
template <class Shape, class T>
__device__ void load_vectors(const Rows<const T>& rows, std::int64_t row, int cols, int chunk,
                             Eight<T> (&vectors)[Shape::vectors]) {
  const T* from = rows.data + row * rows.stride;
#pragma unroll
  for (int v = 0; v < Shape::vectors; ++v) {
    const int column = Shape::column(chunk, v);
    vectors[v] = rows.aligned && column + 8 <= cols ? Eight<T>::load(from + column) : Eight<T>::zeros();
  }
  if (rows.aligned && cols % 8 == 0) return;
#pragma unroll
  for (int v = 0; v < Shape::vectors; ++v) {
    const int column = Shape::column(chunk, v);
    if (!rows.aligned || column + 8 > cols) vectors[v] = Eight<T>::load_some(from + column, cols - column);
  }
}

/// The same, widened.
template <class Shape, class T>
__device__ void load_values(const Rows<const T>& rows, std::int64_t row, int cols, int chunk,
                            typename Shape::Values& values) {
  Eight<T> vectors[Shape::vectors];
  load_vectors<Shape>(rows, row, cols, chunk, vectors);
#pragma unroll
  for (int v = 0; v < Shape::vectors; ++v) vectors[v].values(values[v]);
}

template <class T>
__device__ void store_values(const Rows<T>& rows, std::int64_t row, int cols, int column, const float (&values)[8]) {
  T* to = rows.data + row * rows.stride + column;
  if (rows.aligned && column + 8 <= cols) {
    store_eight(to, values);
  } else {
    store_some(to, values, cols - column);
  }
}

/// The sum over the threads of a row, the same bits in all of them: a butterfly in each warp, then the warps in order.
/// Called by all threads of the CTA; once in a kernel.
template <class Shape>
__device__ float row_sum(float x) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x = __fadd_rn(x, __shfl_xor_sync(0xffffffffu, x, distance));
  if constexpr (Shape::threads == 32) {
    return x;
  } else {
    __shared__ float partial[Shape::threads / 32];
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = partial[0];
#pragma unroll
    for (int warp = 1; warp < Shape::threads / 32; ++warp) sum = __fadd_rn(sum, partial[warp]);
    return sum;
  }
}

/// The largest of the threads of a row, in all of them. Called by all threads of the CTA; once in a kernel.
template <class Shape>
__device__ std::uint32_t row_max(std::uint32_t x) {
  x = __reduce_max_sync(0xffffffffu, x);
  if constexpr (Shape::threads == 32) {
    return x;
  } else {
    __shared__ std::uint32_t partial[Shape::threads / 32];
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = x;
    __syncthreads();
    std::uint32_t largest = partial[0];
#pragma unroll
    for (int warp = 1; warp < Shape::threads / 32; ++warp) largest = max(largest, partial[warp]);
    return largest;
  }
}

}  // namespace device
}  // namespace pare::kernels
