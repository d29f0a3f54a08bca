// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::kernels {

/// out[t] = x[t] / sqrt(mean(x[t]^2) + epsilon) * weight (Zhang & Sennrich 2019). out may be x. weight has
/// x.cols values. x may be strided: q/k norms of Qwen3 run over [tokens * heads, head_dim] views.
void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> out);

/// The GPU's half, enqueued on `stream`: all in binary32, every operation rounded on its own but for the sum of squares,
/// whose order (kernels/core/row.cuh) depends on the number of columns alone; rounded to bfloat16 at the end where `out`
/// is. Rows are fastest when they begin at multiples of 16 bytes.
void rms_norm(DeviceView<const BFloat16> x, DeviceSpan<const float> weight, float epsilon, DeviceView<BFloat16> out,
              const Stream& stream);
void rms_norm(DeviceView<const BFloat16> x, DeviceSpan<const float> weight, float epsilon, DeviceView<float> out,
              const Stream& stream);
void rms_norm(DeviceView<const float> x, DeviceSpan<const float> weight, float epsilon, DeviceView<BFloat16> out,
              const Stream& stream);
void rms_norm(DeviceView<const float> x, DeviceSpan<const float> weight, float epsilon, DeviceView<float> out,
              const Stream& stream);

/// rms_norm into binary32 and quantize_tokens_int8 of it, the same bits, in one pass over memory.
void rms_norm_int8(DeviceView<const BFloat16> x, DeviceSpan<const float> weight, float epsilon,
                   const DeviceInt8Input& input, DeviceView<std::int8_t> codes, DeviceSpan<float> scales,
                   const Stream& stream);
void rms_norm_int8(DeviceView<const float> x, DeviceSpan<const float> weight, float epsilon,
                   const DeviceInt8Input& input, DeviceView<std::int8_t> codes, DeviceSpan<float> scales,
                   const Stream& stream);

}  // namespace pare::kernels
