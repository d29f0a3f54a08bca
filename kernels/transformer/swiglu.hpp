// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/quantize/quantize_tokens.hpp"

namespace pare::kernels {

/// out = silu(gate) * up, silu(x) = x / (1 + exp(-x)) (Shazeer 2020). out may be gate or up.
void swiglu(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<float> out);

/// The GPU's half, enqueued on `stream`: in binary32, within 8 units in the last place of the true value (where |x| of the
/// gate exceeds 87 and x is negative, the result may be 0 instead), rounded to bfloat16 at the end where `out` is. Rows are
/// fastest when they begin at multiples of 16 bytes.
void swiglu(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, DeviceView<BFloat16> out,
            const Stream& stream);
void swiglu(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, DeviceView<float> out,
            const Stream& stream);

/// swiglu into binary32 and quantize_tokens_int8 of it, the same bits, in one pass over memory.
void swiglu_int8(DeviceView<const BFloat16> gate, DeviceView<const BFloat16> up, const DeviceInt8Input& input,
                 DeviceView<std::int8_t> codes, DeviceSpan<float> scales, const Stream& stream);

}  // namespace pare::kernels
