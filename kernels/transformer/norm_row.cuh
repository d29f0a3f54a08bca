// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/row.cuh"

/// The RMS norm of a row in registers; shared by the norm and by what it is fused with, so that both have the same bits.

namespace pare::kernels::device {

struct NormWeight {
  const float* data;
  bool aligned;  ///< begins at a multiple of 16 bytes

  explicit NormWeight(const DeviceSpan<const float>& weight)
      : data(weight.data), aligned(reinterpret_cast<std::uintptr_t>(weight.data) % 16 == 0) {}
};

/// Makes the values of a normed row, chunk by chunk. On construction it reads x once: after it `values` hold the last chunk,
/// which is the only one of most rows and is not read again.
template <class Shape, class T>
struct NormRow {
  Rows<const T> x;
  NormWeight weight;
  std::int64_t row;
  int cols;
  float factor;

  __device__ NormRow(const Rows<const T>& x_, const NormWeight& weight_, float epsilon, std::int64_t row_, int cols_,
                     typename Shape::Values& values)
      : x(x_), weight(weight_), row(row_), cols(cols_) {
    float partial[Shape::vectors] = {};
    for (int chunk = 0; chunk < Shape::chunks(cols); ++chunk) {
      load_values<Shape>(x, row, cols, chunk, values);
#pragma unroll
      for (int i = 0; i < 8; ++i) {
#pragma unroll
        for (int v = 0; v < Shape::vectors; ++v) partial[v] = __fmaf_rn(values[v][i], values[v][i], partial[v]);
      }
    }
    float squares = partial[0];
#pragma unroll
    for (int v = 1; v < Shape::vectors; ++v) squares = __fadd_rn(squares, partial[v]);
    const float mean = __fdiv_rn(row_sum<Shape>(squares), static_cast<float>(cols));
    factor = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(mean, epsilon)));
  }

  __device__ void operator()(int chunk, typename Shape::Values& values) const {
    if (Shape::chunks(cols) > 1) load_values<Shape>(x, row, cols, chunk, values);
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
      const int column = Shape::column(chunk, v);
      float weights[8];
      if (weight.aligned && column + 8 <= cols) {
        const float4 low = __ldg(reinterpret_cast<const float4*>(weight.data + column));
        const float4 high = __ldg(reinterpret_cast<const float4*>(weight.data + column) + 1);
        Eight<float>{low, high}.values(weights);
      } else {
        load_some(weight.data + column, cols - column, weights);
      }
#pragma unroll
      for (int i = 0; i < 8; ++i) values[v][i] = __fmul_rn(__fmul_rn(values[v][i], factor), weights[i]);
    }
  }
};

}  // namespace pare::kernels::device
