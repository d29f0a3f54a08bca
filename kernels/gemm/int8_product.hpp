// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels::detail {

/// sums[t][n] = sum over k of x[t][k] * weight[n][k], exact in 32 bits up to 65536 inputs. For CPUs without
/// VNNI: oneDNN's byte product saturates pairs of products at 16 bits there, which no scale can undo. Left to
/// the vectoriser.
void int8_product(MatrixView<const std::int8_t> x, MatrixView<const std::int8_t> weight, MatrixView<std::int32_t> sums);

}  // namespace pare::kernels::detail
