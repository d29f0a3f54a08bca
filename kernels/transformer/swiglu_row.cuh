// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/row.cuh"

/// SwiGLU of a row in registers; shared by the plain kernel and the one that quantizes, so that both have the same bits.

namespace pare::kernels::device {

/// gate / (1 + e^-gate) * up. __fdividef: within 2 units in the last place, and 0 where 1 + e^-gate exceeds 2^126.
__device__ inline float swiglu(float gate, float up) {
  return __fmul_rn(__fdividef(gate, __fadd_rn(1.0f, expf(-gate))), up);
}

template <class Shape>
struct SwigluRow {
  Rows<const BFloat16> gate;
  Rows<const BFloat16> up;
  std::int64_t row;
  int cols;

  /// Beyond the row 0 / 2 * 0 is 0.
  __device__ void operator()(int chunk, typename Shape::Values& values) const {
    Eight<BFloat16> gates[Shape::vectors], ups[Shape::vectors];
    load_vectors<Shape>(gate, row, cols, chunk, gates);
    load_vectors<Shape>(up, row, cols, chunk, ups);
#pragma unroll
    for (int v = 0; v < Shape::vectors; ++v) {
      float factors[8];
      gates[v].values(values[v]);
      ups[v].values(factors);
#pragma unroll
      for (int i = 0; i < 8; ++i) values[v][i] = swiglu(values[v][i], factors[i]);
    }
  }
};

}  // namespace pare::kernels::device
