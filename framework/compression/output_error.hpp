// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/core/matrix_view.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// Measures what a change D of the weights of a linear does to its outputs on the calibration data X [tokens, inputs]:
///     sum over tokens and outputs of (x D^T)^2 = tr(D H D^T),   H = X^T X
/// or, when only the diagonal of H is known, the sum over weights of H[j][j] * D[r][j]^2.
///
/// D H is computed in binary32, and its product with D in binary64: the error is at most (inputs + 2) * 2^-23 *
/// sum |D[r][i] H[i][j] D[r][j]|. Never depends on the number of threads. Keeps a copy of H.
class OutputError {
 public:
  /// hessian [inputs, inputs], symmetric, or empty; diagonal [inputs], read when the hessian is empty only.
  OutputError(kernels::MatrixView<const float> hessian, std::span<const float> diagonal);

  /// difference [outputs, inputs].
  double operator()(kernels::MatrixView<const float> difference) const;

  /// H[j][j].
  const std::vector<float>& diagonal() const { return diagonal_; }

 private:
  std::vector<float> diagonal_;
  kernels::LinearWeights hessian_;
};

}  // namespace pare::framework
