// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// Whether the GPU has gated products: compute capability 9.0.
bool has_gated_products(const Stream& stream);

/// The products of gate and up of a feed-forward layer with SwiGLU between them, in one pass: they never reach memory.
///     out[m][n] = silu(sum_k x[m][k] gate[n][k]) * sum_k x[m][k] up[n][k]
/// x [M, K], gate and up [N, K], out [M, N], all at multiples of 16 bytes with strides that are multiples of 16 bytes. Sums
/// and scales have the bits that Bf16Gemm and gemm_int8 write in binary32, swiglu is that of swiglu.hpp, and the output is
/// rounded once: a row depends on that row of x and on the weights only. Enqueued on `stream`, of a GPU that has them.
void gated_product(DeviceView<const BFloat16> x, DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up,
                   DeviceView<BFloat16> out, const Stream& stream);

/// Codes and the scale of each token or output; K up to 65536.
struct ScaledCodes {
  DeviceView<const std::int8_t> codes;
  DeviceSpan<const float> scales;
};
void gated_product(const ScaledCodes& x, const ScaledCodes& gate, const ScaledCodes& up, DeviceView<BFloat16> out,
                   const Stream& stream);

}  // namespace pare::kernels
