// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::kernels {

/// The ranges tried are the group's own, times clip_factor(0) = 1, 0.975, ..., clip_factor(clip_candidates - 1) = 0.5.
inline constexpr int clip_candidates = 21;

constexpr float clip_factor(int candidate) {
  return 1.0f - static_cast<float>(candidate) * 0.025f;
}

/// The grid with the least error for `count` weights with the range `range` (range_of_group), as quantize_clipped
/// chooses it; `importance` holds `count` values or is null. A range whose scale exceeds binary16 gives an infinite
/// scale.
GroupGrid clipped_grid(const float* w, const float* importance, std::int64_t count, const GroupRange& range,
                       const Grid& grid);

/// The same for a whole matrix with the range `range` (range_of_tensor); `importance` holds a value a column or is null.
/// Parallel over rows, whose errors are added in order.
GroupGrid clipped_tensor_grid(MatrixView<const float> weight, const float* importance, const GroupRange& range,
                              const Grid& grid);

/// Like quantize_round_to_nearest, but the range of each group (or of the tensor; both its ends) is first shrunk by the factor that gives
/// the least error: a finer step for the many weights, against saturation of the few large ones. The clip search of
/// AWQ (Lin et al., MLSys 2024, arXiv:2306.00978) with a diagonal error.
///
///   weight      [outputs, inputs]
///   importance  [inputs] or empty (= all 1): finite, not negative; the error of a group is the sum over its columns of
///               importance[c] * (w - value)^2, in binary64, of the values that `expand` restores from the stored grid
///   packed      total_bytes of packed_layout(grid, outputs, inputs)
///
/// Factor 1 is tried first and equals keep the earlier factor, so that no group's error exceeds round-to-nearest's.
/// Parallel over rows; the bytes never depend on the number of threads.
///
/// Throws InputError as quantize_round_to_nearest does (for the whole range), and for an importance that is negative
/// or not finite; EXPECTs the sizes of importance and packed.
void quantize_clipped(MatrixView<const float> weight, std::span<const float> importance, const Grid& grid,
                      std::span<std::byte> packed);

}  // namespace pare::kernels
