// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// x [M, K] are the codes of M tokens, weight [N, K] those of N outputs, both in [-128, 127]. On a GPU both begin at a
/// multiple of 16 bytes and their strides are multiples of 16; K may be anything up to 65536 (sums stay in 32 bits).
struct Int8Operands {
  DeviceView<const std::int8_t> x;
  DeviceView<const std::int8_t> weight;
};

/// What becomes of a sum, in binary32, every operation rounded to nearest on its own (nothing is contracted):
///     float(sum) * (x_scales[m] * weight_scales[n]) + bias[n] + residual[m][n]
/// and, for bfloat16, one rounding more. Bit-equal on every GPU and for every M: integer sums are exact.
template <class Out>
struct Int8Epilogue {
  DeviceSpan<const float> x_scales;       ///< M
  DeviceSpan<const float> weight_scales;  ///< N
  DeviceSpan<const float> bias;           ///< N, or empty
  DeviceView<const Out> residual;         ///< [M, N], or rows == 0; may be `out` itself
};

/// out [M, N] on the GPU; begins at a multiple of 16 bytes, its stride a multiple of 16 bytes. Enqueued on `stream`.
///
/// Hopper: wgmma fed by TMA, persistent, clusters of two (gemm_int8_hopper.cu); up to 256 tokens the weights take the
/// place of the rows and K is split over a cluster (gemm_int8_hopper_narrow.cu). Older GPUs, and up to 32 tokens where that
/// would leave multiprocessors idle: mma.sync behind cp.async (gemm_int8_mma.cu). Throws InputError for shapes and strides as above, DeviceError when CUDA refuses the launch.
void gemm_int8(const Int8Operands& operands, const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out,
               const Stream& stream);
void gemm_int8(const Int8Operands& operands, const Int8Epilogue<float>& epilogue, DeviceView<float> out,
               const Stream& stream);

/// Weights scaled in groups of `int8_group` inputs (K is a multiple of it): with sum_g the sum over group g,
///     total = fma(float(sum_g), group_scales[n][g], total) for g = 0, 1, ...
///     out = total * x_scales[m] + bias[n] + residual[m][n]
/// group_scales [N, K / int8_group] stands for epilogue.weight_scales, which stays empty.
inline constexpr std::int64_t int8_group = 128;
void gemm_int8_grouped(const Int8Operands& operands, DeviceView<const float> group_scales,
                       const Int8Epilogue<BFloat16>& epilogue, DeviceView<BFloat16> out, const Stream& stream);
void gemm_int8_grouped(const Int8Operands& operands, DeviceView<const float> group_scales,
                       const Int8Epilogue<float>& epilogue, DeviceView<float> out, const Stream& stream);

/// The sums alone, as the plainest loop on the CPU: sums[m][n] = sum_k x[m][k] * weight[n][k].
void gemm_int8_reference(MatrixView<const std::int8_t> x, MatrixView<const std::int8_t> weight,
                         MatrixView<std::int32_t> sums);

}  // namespace pare::kernels
