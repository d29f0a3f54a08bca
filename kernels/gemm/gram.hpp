// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/matrix_view.hpp"

namespace pare::kernels {

/// sums += x^T x for x [rows, inputs] and symmetric sums [inputs, inputs]; both may be strided. Reads the upper
/// triangle of sums and writes both, bit for bit symmetric.
///
/// Binary32 throughout: one call adds an error of at most (rows + 1) * 2^-24 * sum over t of |x[t][i] x[t][j]|, plus
/// 2^-24 * |sums[i][j]|. Half the multiplications of a general product; parallel over tiles of the result, and the
/// result never depends on the number of threads. Values that are not finite spread over their row and column of sums.
void add_gram(MatrixView<const float> x, MatrixView<float> sums);

}  // namespace pare::kernels
