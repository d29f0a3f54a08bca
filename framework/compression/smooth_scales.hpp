// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kernels/core/matrix_view.hpp"

namespace pare::framework {

/// SmoothQuant (Xiao et al., ICML 2023, arXiv:2211.10438, equation 4): one scale s[j] an input, by which x[:, j] is
/// divided and column j of the weights is multiplied, so that part of the difficulty of quantizing outlying channels of
/// x moves to the weights:
///     s[j] = largest_inputs[j]^alpha / (max over weights and rows |w[:, j]|)^(1 - alpha)
///
///   largest_inputs  [inputs]: max |x[:, j]| over the calibration data, finite, not negative
///   weights         the linears that share the input, each [outputs, inputs]
///   alpha           in [0, 1]: 1 moves all to the weights, 0 makes the columns of the weights equally large
///
/// Both maxima count as at least 1e-5 of the largest of their kind (as 1 when all are 0), and the scales are divided by
/// sqrt(max s * min s): a common factor of x has no effect once x is quantized per token, and this one keeps the scales
/// of the weights within binary16. The scales are positive, finite, and differ by a factor of 1e5 at most.
///
/// Throws InputError for an alpha outside [0, 1] and for inputs or weights that are not finite. EXPECTs the shapes.
std::vector<float> smooth_scales(std::span<const float> largest_inputs,
                                 std::span<const kernels::MatrixView<const float>> weights, double alpha);

}  // namespace pare::framework
