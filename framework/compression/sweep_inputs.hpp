// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/compression/inverse_hessian.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/quantize/grid.hpp"

/// What follows from the inputs of a sweep before it begins; private to GPTQ and SparseGPT.

namespace pare::framework {

/// What the error of a weight costs, by column of the layer: 1 / U_jj^2, 0 for dead inputs.
std::vector<float> sweep_importance(const SweepInputs& inputs);

/// The weights that the sweep begins with, in the order of the layer: those of dead inputs are 0. Throws InputError when
/// a weight is not finite. Parallel over rows.
kernels::Matrix<float> live_weights(kernels::MatrixView<const float> weight, const SweepInputs& inputs);

/// The grid of the whole tensor. Throws InputError when its scale exceeds binary16.
kernels::GroupGrid tensor_grid(kernels::MatrixView<const float> live, const SweepInputs& inputs,
                               const kernels::Grid& grid, bool clip);

}  // namespace pare::framework
