// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::kernels {

/// Rounds `weight` to the nearest point of a min-max grid and packs it.
///
/// Asymmetric: the range of a group is widened to hold 0; s = (max - min) / (2^bits - 1), z = round(-min /
/// s). Symmetric:  s = max|w| / ((2^bits - 1) / 2), the convention of compressed-tensors. s is rounded to
/// binary16 before it is used, so that codes are the nearest points of the grid that is stored; rounding is
/// half to even. Parallel over rows; the bytes never depend on the number of threads.
///
/// Throws InputError when a value is not finite or a scale exceeds binary16; EXPECTs packed.size() ==
/// total_bytes.
void quantize_round_to_nearest(MatrixView<const float> weight, const Grid& grid, std::span<std::byte> packed);

}  // namespace pare::kernels
