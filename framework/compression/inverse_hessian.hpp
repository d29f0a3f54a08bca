// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/core/matrix.hpp"

namespace pare::framework {

/// The order in which a sweep visits the inputs of a layer.
enum class SweepOrder {
  natural,
  activation,  ///< descending diagonal of the Hessian, equals by index: "activation order" of GPTQ
};

/// What a sweep knows of the inputs of a layer, besides the factor that spreads errors.
struct SweepInputs {
  std::vector<std::int64_t> order;  ///< position i of the sweep is column order[i] of the weights
  std::vector<std::uint8_t> dead;   ///< 1 for dead inputs, by column of the weights
  std::vector<double> diagonal;     ///< U_ii, by position
  double damping = 0;               ///< the one that was used

  std::int64_t inputs() const { return static_cast<std::int64_t>(order.size()); }
  bool natural() const { return std::is_sorted(order.begin(), order.end()); }
};

/// What the one-sweep methods (GPTQ, SparseGPT) need of the Hessian H = X^T X of a layer with K inputs, where X
/// [tokens, K] are the calibration inputs; a common factor of H changes nothing. Made once a layer, read by any number
/// of threads.
///
/// With H' = H + damping * mean(diag H) * I, rows and columns in sweep order:  H'^-1 = U^T U.
/// Row i of U, divided by U_ii, is what the remaining columns take over when column i is fixed, after columns 0 .. i-1
/// have been eliminated (Frantar et al., "GPTQ: accurate post-training quantization for generative pre-trained
/// transformers", ICLR 2023, section 3.3).
///
/// A dead input (H_jj = 0: never active in the calibration data) gets H_jj = 1, before damping, and takes no part in
/// the mean. As in the published method, sweeps treat its weights as zero.
struct InverseHessian : SweepInputs {
  kernels::Matrix<double> factor;  ///< U [K, K], upper triangular, zeros below the diagonal
};

inline constexpr double default_damping = 0.01;
inline constexpr double largest_damping = 1.0;

/// The lower Cholesky factor of the damped Hessian itself: H' = L L^T.
struct DampedFactor {
  kernels::Matrix<double> lower;  ///< L [n, n] in the lower triangle; what lies above has no meaning
  double damping = 0;             ///< the one that was used
};

/// 1 for each input whose diagonal entry is 0. Throws InputError when `hessian` [K, K] (row-major) is not square, holds
/// a value that is not finite, or has a negative diagonal entry.
std::vector<std::uint8_t> dead_inputs(kernels::MatrixView<const float> hessian);

/// The mean of the diagonal over the inputs that are not dead; 0 if all are.
double mean_diagonal(kernels::MatrixView<const float> hessian);

/// Damps and factors rows and columns `columns` of `hessian`, in that order; `mean` is the mean diagonal that damping
/// is relative to. Reads H[i][j] for i > j only (by place in the original matrix). When a pivot is not positive it
/// tries again with ten times the damping, at most `largest_damping`. Throws InputError when that does not help
/// either, or when damping is outside (0, largest_damping].
DampedFactor factor_damped(kernels::MatrixView<const float> hessian, const std::vector<std::int64_t>& columns,
                           double mean, double damping = default_damping);

/// The inputs of a Hessian in the order of a sweep; diagonal and damping follow from the factorization. Throws InputError
/// as dead_inputs does.
SweepInputs order_inputs(kernels::MatrixView<const float> hessian, SweepOrder order);

/// What to try after `damping`, which left a Hessian of `inputs` inputs with a pivot that is not positive: ten times as
/// much, at most largest_damping. Throws InputError when it was that already.
double next_damping(double damping, std::int64_t inputs);

/// Throws InputError as dead_inputs and factor_damped do. Parallel; the bits never depend on the number of threads.
/// 2/3 K^3 operations, 16 K^2 bytes of memory.
InverseHessian invert_hessian(kernels::MatrixView<const float> hessian, SweepOrder order = SweepOrder::natural,
                              double damping = default_damping);

}  // namespace pare::framework
