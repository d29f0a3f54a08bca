// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "kernels/core/matrix_view.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// Measures what a change D of the weights of a linear does to its outputs on the calibration data X [tokens, inputs]:
///     sum over tokens and outputs of (x D^T)^2 = tr(D H D^T),   H = X^T X
///
/// D H is computed in binary32, and its product with D in binary64: the error is at most (inputs + 2) * 2^-23 *
/// sum |D[r][i] H[i][j] D[r][j]|. Serves one thread.
class OutputError {
 public:
  virtual ~OutputError() = default;

  /// difference [outputs, inputs].
  virtual double operator()(kernels::MatrixView<const float> difference) const = 0;

  /// H[j][j].
  const std::vector<float>& diagonal() const { return diagonal_; }

 protected:
  explicit OutputError(std::vector<float> diagonal) : diagonal_(std::move(diagonal)) {}

  /// EXPECTs the inputs of the Hessian.
  void check(kernels::MatrixView<const float> difference) const;
  /// The sum of the errors of rows, in their order. Rounding may leave less than nothing, which is 0.
  static double total(std::span<const double> row_errors);

 private:
  std::vector<float> diagonal_;
};

/// On the CPU. Never depends on the number of threads. Keeps a copy of H.
class HostOutputError final : public OutputError {
 public:
  /// hessian [inputs, inputs], symmetric.
  explicit HostOutputError(kernels::MatrixView<const float> hessian);
  /// When only the diagonal of H is known: the sum over weights of H[j][j] * D[r][j]^2.
  explicit HostOutputError(std::vector<float> diagonal) : OutputError(std::move(diagonal)) {}

  double operator()(kernels::MatrixView<const float> difference) const override;

 private:
  kernels::LinearWeights hessian_;
};

namespace detail {

std::vector<float> diagonal_of(kernels::MatrixView<const float> hessian);

}  // namespace detail
}  // namespace pare::framework
