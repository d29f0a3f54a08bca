// SPDX-License-Identifier: Apache-2.0
#include "kernels/transformer/swiglu.hpp"

#include "kernels/core/exp.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::kernels {
namespace {

HalfLanes silu(HalfLanes x) {
  return x / (1.0f + exp(-x));
}

void swiglu_row(const float* gate, const float* up, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; i += half_lane_count) {
    store_half(out + i, silu(load_half(gate + i, count - i)) * load_half(up + i, count - i), count - i);
  }
}

}  // namespace

void swiglu(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<float> out) {
  EXPECT(gate.rows == up.rows && gate.cols == up.cols && out.rows == up.rows && out.cols == up.cols, gate.rows, " x ",
         gate.cols, ", ", up.rows, " x ", up.cols, ", ", out.rows, " x ", out.cols);
  constexpr std::int64_t tokens_per_part = 16;
  parallel_for(gate.rows, tokens_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) swiglu_row(gate.row(t), up.row(t), gate.cols, out.row(t));
  });
}

}  // namespace pare::kernels
