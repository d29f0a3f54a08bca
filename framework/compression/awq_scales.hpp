// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "framework/compression/output_error.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::framework {

/// AWQ's result for the linears that share one input: quantize_scaled(weight, scales, ...) gives the bytes of each.
struct AwqScales {
  std::vector<float> scales;  ///< [inputs], positive: x is divided by them, the columns of the weights multiplied
  double alpha = 0;           ///< the exponent that gave them; 0: all scales are 1
  double error = 0;           ///< of the outputs, summed over the linears
  double plain_error = 0;     ///< the same with scales of 1 and without clips: round-to-nearest
  std::vector<bool> clip;     ///< of each linear: whether its groups are to be clipped; all false unless searched
};

/// Activation-aware weight quantization (Lin et al., MLSys 2024, arXiv:2306.00978, section 3.2): channels of x that are
/// large on average get a finer grid, by scales
///     s[j] = mean_magnitudes[j]^alpha, divided by sqrt(max s * min s)
/// with the one exponent alpha of 0, 0.05, ..., 0.95 that gives the least error of the outputs, summed over the
/// linears: tr(D H D^T) with D = Q(W diag(s)) diag(1 / s) - W, Q being round-to-nearest on `grid` (or, with
/// `search_clip`, quantize_clipped with the importances H[j][j] / s[j]^2 where that gives the linear a smaller error).
///
///   mean_magnitudes  [inputs]: mean |x[:, j]|, finite, not negative; counts as at least 1e-5 of the largest one
///   weights          the linears that share the input, each [outputs, inputs]
///   output_error     of that input; its unit is that of `error`
///
/// alpha = 0 comes first and equals keep the earlier alpha, so that the error is never above plain_error. Takes 20
/// (with clips: 40) times the work of one error, 2 * outputs * inputs^2 operations with a full H, and
/// memory for two copies of the largest linear. The result never depends on the number of threads.
///
/// Throws InputError where quantize_round_to_nearest does for a scaled weight, for magnitudes that are negative or not
/// finite, and when an error is not finite. EXPECTs the shapes.
AwqScales search_awq_scales(std::span<const float> mean_magnitudes,
                            std::span<const kernels::MatrixView<const float>> weights, const kernels::Grid& grid,
                            const OutputError& output_error, bool search_clip);

/// Q(W diag(scales)): round-to-nearest on the grid, or with clips when `clip_diagonal` (H[j][j]) is not empty. What
/// `expand` restores from it is to be divided by the scales, or multiplied with an x that was.
void quantize_scaled(kernels::MatrixView<const float> weight, std::span<const float> scales,
                     std::span<const float> clip_diagonal, const kernels::Grid& grid, std::span<std::byte> packed);

}  // namespace pare::framework
