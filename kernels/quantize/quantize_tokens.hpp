// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// How the activations of one linear layer become int8 codes. The default is plain dynamic quantization per token.
struct Int8Input {
  /// One positive value an input, by which x is divided before it is quantized; empty = 1 everywhere. SmoothQuant's
  /// division where it is not folded into what comes before (Xiao et al., ICML 2023, arXiv:2211.10438); the weights
  /// hold the product.
  std::vector<float> divisors;
  /// > 0: the scale of every token; values beyond 127 scales saturate. 0: each token's own maximum decides.
  float static_scale = 0.0f;

  bool operator==(const Int8Input&) const = default;
};

/// Throws InputError when there are divisors but not `inputs` of them, one is not a positive finite number, or the
/// static scale is negative or not finite.
void check_int8_input(const Int8Input& input, std::int64_t inputs);

/// Dynamic per-token activation quantization: codes[t][k] = round_half_even(x[t][k] / scales[t]) in [-127,
/// 127] with scales[t] = max_k |x[t][k]| / 127, or 0 for a row of zeros (then all codes are 0). A row with
/// a value that is not finite has the scale NaN and codes 0: what is computed from it is NaN, as it would be
/// in binary32.
void quantize_tokens_int8(MatrixView<const float> x, MatrixView<std::int8_t> codes, std::span<float> scales);

/// The same with y[t][k] = x[t][k] / divisors[k], rounded to binary32, in the place of x, and with the static scale, if
/// there is one, in the place of the maximum: codes[t][k] = clamp(round_half_even(y[t][k] / static_scale), -127, 127)
/// and scales[t] = static_scale, also for a row of zeros. A row with a y that is not finite has the scale NaN and
/// codes 0. EXPECTs what check_int8_input checks.
void quantize_tokens_int8(MatrixView<const float> x, const Int8Input& input, MatrixView<std::int8_t> codes,
                          std::span<float> scales);

/// Int8Input with its divisors on the GPU; what check_int8_input checks holds.
struct DeviceInt8Input {
  DeviceSpan<const float> divisors;
  float static_scale = 0.0f;
};

/// The GPU's half, enqueued on `stream`: the same bits (bfloat16 values are first widened). Rows are fastest when those of x
/// begin at multiples of 16 bytes and those of the codes at multiples of 8. Throw InputError when the divisors do not fit.
void quantize_tokens_int8(DeviceView<const float> x, const DeviceInt8Input& input, DeviceView<std::int8_t> codes,
                          DeviceSpan<float> scales, const Stream& stream);
void quantize_tokens_int8(DeviceView<const BFloat16> x, const DeviceInt8Input& input, DeviceView<std::int8_t> codes,
                          DeviceSpan<float> scales, const Stream& stream);

}  // namespace pare::kernels
