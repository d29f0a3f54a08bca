// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include <cuda_bf16.h>

#include "kernels/gemm/gemm_int8.hpp"

/// The arithmetic of Int8Epilogue on the device, in one place, so that every kernel rounds alike.

namespace pare::kernels::detail {

/// Int8Epilogue and its output as a kernel gets them.
template <class Out, class Bias = float>
struct EpiloguePointers {
  const float* x_scales;  ///< null for bfloat16 operands, as weight_scales: 1
  const float* weight_scales;
  const Bias* bias;     ///< or null
  const Out* residual;  ///< or null
  Out* out;
  std::int64_t residual_stride;
  std::int64_t out_stride;
  int m;
  int n;
};

template <class Out>
EpiloguePointers<Out> pointers_of(const Int8Epilogue<Out>& epilogue, DeviceView<Out> out) {
  return {epilogue.x_scales.data,
          epilogue.weight_scales.data,
          epilogue.bias.empty() ? nullptr : epilogue.bias.data,
          epilogue.residual.rows == 0 ? nullptr : epilogue.residual.data,
          out.data,
          epilogue.residual.stride,
          out.stride,
          static_cast<int>(out.rows),
          static_cast<int>(out.cols)};
}

__device__ inline float value_of_out(float x) {
  return x;
}

__device__ inline float value_of_out(BFloat16 x) {
  return __uint_as_float(std::uint32_t{x.bits} << 16);
}

__device__ inline void round_to_out(float x, float& out) {
  out = x;
}

__device__ inline void round_to_out(float x, BFloat16& out) {
  out.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
}

/// Two values rounded to nearest, the first in the lower half.
__device__ inline std::uint32_t pack_bfloat16(float first, float second) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(first, second);
  return std::uint32_t{__bfloat16_as_ushort(pair.y)} << 16 | __bfloat16_as_ushort(pair.x);
}

/// value + bias at column n.
template <class Out, class Bias>
__device__ inline float add_bias(const EpiloguePointers<Out, Bias>& to, float value, int n) {
  return to.bias != nullptr ? __fadd_rn(value, value_of_out(to.bias[n])) : value;
}

/// value + bias + residual at (m, n), each operation rounded on its own.
template <class Out, class Bias>
__device__ inline float add_bias_and_residual(const EpiloguePointers<Out, Bias>& to, float value, int m, int n) {
  value = add_bias(to, value, n);
  if (to.residual != nullptr) value = __fadd_rn(value, value_of_out(to.residual[m * to.residual_stride + n]));
  return value;
}

/// value * scale + bias + residual.
template <class Out>
__device__ inline float finish(const EpiloguePointers<Out>& to, float value, float scale, int m, int n) {
  return add_bias_and_residual(to, __fmul_rn(value, scale), m, n);
}

}  // namespace pare::kernels::detail
