// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// out[t] = table[ids[t]]. EXPECTs every id < table.rows (token files are validated when they are read).
void embed(MatrixView<const float> table, std::span<const std::uint32_t> ids, MatrixView<float> out);

}  // namespace pare::kernels
