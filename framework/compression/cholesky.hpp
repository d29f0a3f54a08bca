// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/matrix_view.hpp"

/// Dense Cholesky factors in binary64, row-major. Everything is cut into tiles whose sizes do not depend on the number
/// of threads, so results do not either.

namespace pare::framework {

/// A = L L^T of a symmetric positive definite A [n, n]: reads the lower triangle and the diagonal and overwrites them
/// with L; what lies above is neither read nor changed. Returns false, with A spoilt, when a pivot is not positive.
/// n^3 / 3 operations.
bool factor_cholesky(kernels::MatrixView<double> a);

/// L^-1 (lower triangular, zeros above) of a lower triangular L [n, n] with a positive diagonal; reads the lower
/// triangle of `lower` and writes all of `inverse`. n^3 / 3 operations.
void invert_lower(kernels::MatrixView<const double> lower, kernels::MatrixView<double> inverse);

/// Overwrites B [rows, n] with B (L L^T)^-1; reads the lower triangle of `lower` [n, n].
void solve_from_right(kernels::MatrixView<const double> lower, kernels::MatrixView<double> b);

}  // namespace pare::framework
