// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// Dynamic per-token activation quantization: codes[t][k] = round_half_even(x[t][k] / scales[t]) in [-127,
/// 127] with scales[t] = max_k |x[t][k]| / 127, or 0 for a row of zeros (then all codes are 0). A row with
/// a value that is not finite has the scale NaN and codes 0: what is computed from it is NaN, as it would be
/// in binary32.
void quantize_tokens_int8(MatrixView<const float> x, MatrixView<std::int8_t> codes, std::span<float> scales);

}  // namespace pare::kernels
