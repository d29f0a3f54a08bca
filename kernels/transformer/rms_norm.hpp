// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// out[t] = x[t] / sqrt(mean(x[t]^2) + epsilon) * weight (Zhang & Sennrich 2019). out may be x. weight has
/// x.cols values. x may be strided: q/k norms of Qwen3 run over [tokens * heads, head_dim] views.
void rms_norm(MatrixView<const float> x, std::span<const float> weight, float epsilon, MatrixView<float> out);

}  // namespace pare::kernels
