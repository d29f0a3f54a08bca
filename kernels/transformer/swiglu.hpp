// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// out = silu(gate) * up, silu(x) = x / (1 + exp(-x)) (Shazeer 2020). out may be gate or up.
void swiglu(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<float> out);

}  // namespace pare::kernels
