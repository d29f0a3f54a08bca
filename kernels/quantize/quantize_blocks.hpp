// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/block_format.hpp"

namespace pare::kernels {

/// Rounds `weight` to GGUF blocks such that, in every block,
///     sum_c importance[c] (weight[r][c] - value[r][c])^2
/// is as small as a search finds it. `importance` has one value per column, usually the mean square of that input over
/// the calibration texts; empty: all columns count the same. Only its proportions matter. A column that does not count
/// at all (0) is rounded as if it counted 2^-30 of the most important one.
///
/// All formats are searched in the same way. For a run of weights that share a scale, start from a fan of scales (and
/// minimums); round; solve the least squares for the scale that fits these codes best; round again; keep what has the
/// smallest error with the numbers as they are stored, in binary16 or 4 to 8 bits. Where runs share a scale of their
/// own, that one is searched too, and refitted to all 256 codes. Nothing of ggml's own encoders is used, so bytes
/// differ from theirs; values are read alike. q8_0 leaves the code -128 unused, as ggml does.
///
/// Parallel over rows; the bytes never depend on the number of threads. Throws InputError when a weight is not finite
/// or needs a scale that exceeds binary16, when an importance is negative or not finite, and as blocks_bytes does.
/// EXPECTs packed.size() == blocks_bytes(...).
void quantize_blocks(BlockFormat format, MatrixView<const float> weight, std::span<const float> importance,
                     std::span<std::byte> packed);

}  // namespace pare::kernels
