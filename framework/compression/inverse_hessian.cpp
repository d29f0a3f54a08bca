// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/inverse_hessian.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "framework/compression/cholesky.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::framework {
namespace {

using kernels::Matrix;
using kernels::MatrixView;

constexpr std::int64_t rows_per_part = 16;

double diagonal(MatrixView<const float> hessian, std::int64_t j) {
  return hessian.row(j)[j];
}

void fill_damped(MatrixView<const float> hessian, const std::vector<std::int64_t>& columns, double shift,
                 Matrix<double>& out) {
  const auto n = static_cast<std::int64_t>(columns.size());
  kernels::parallel_for(n, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t row = columns[static_cast<std::size_t>(i)];
      for (std::int64_t j = 0; j < i; ++j) {
        const std::int64_t col = columns[static_cast<std::size_t>(j)];
        out.row(i)[j] = hessian.row(std::max(row, col))[std::min(row, col)];
      }
      const double own = diagonal(hessian, row);
      out.row(i)[i] = (own == 0.0 ? 1.0 : own) + shift;
    }
  });
}

}  // namespace

std::vector<std::uint8_t> dead_inputs(MatrixView<const float> hessian) {
  VALIDATE(hessian.rows == hessian.cols && hessian.rows > 0, "a Hessian of ", hessian.rows, " x ", hessian.cols,
           " is not possible, it must be square and not empty");
  std::vector<std::uint8_t> dead(static_cast<std::size_t>(hessian.rows));
  kernels::parallel_for(hessian.rows, rows_per_part, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      for (std::int64_t c = 0; c < hessian.cols; ++c) {
        VALIDATE(std::isfinite(hessian.row(r)[c]), "the Hessian in row ", r, ", column ", c, " is ", hessian.row(r)[c],
                 ", it must be finite: look for overflow in the activations of the calibration data");
      }
      VALIDATE(diagonal(hessian, r) >= 0.0, "the Hessian's diagonal entry ", r, " is ", diagonal(hessian, r),
               ", a sum of squares cannot be negative");
      dead[static_cast<std::size_t>(r)] = diagonal(hessian, r) == 0.0;
    }
  });
  return dead;
}

double mean_diagonal(MatrixView<const float> hessian) {
  double sum = 0;
  std::int64_t live = 0;
  for (std::int64_t j = 0; j < hessian.rows; ++j) {
    sum += diagonal(hessian, j);
    live += diagonal(hessian, j) != 0.0;
  }
  return live == 0 ? 0.0 : sum / static_cast<double>(live);
}

DampedFactor factor_damped(MatrixView<const float> hessian, const std::vector<std::int64_t>& columns, double mean,
                           double damping) {
  VALIDATE(damping > 0.0 && damping <= largest_damping, "a damping of ", damping,
           " is not possible, use a share of the mean diagonal above 0 and at most ", largest_damping);
  const auto n = static_cast<std::int64_t>(columns.size());
  DampedFactor result{Matrix<double>(n, n), damping};
  while (true) {
    fill_damped(hessian, columns, result.damping * mean, result.lower);
    if (factor_cholesky(result.lower.view())) return result;
    result.damping = next_damping(result.damping, hessian.rows);
  }
}

double next_damping(double damping, std::int64_t inputs) {
  VALIDATE(damping < largest_damping, "the Hessian of ", inputs,
           " inputs is not positive definite even with a damping of ", damping,
           " of its mean diagonal, it is no sum of x^T x; calibrate this layer again");
  return std::min(10.0 * damping, largest_damping);
}

SweepInputs order_inputs(MatrixView<const float> hessian, SweepOrder order) {
  SweepInputs inputs;
  inputs.dead = dead_inputs(hessian);
  inputs.order.resize(inputs.dead.size());
  std::iota(inputs.order.begin(), inputs.order.end(), std::int64_t{0});
  if (order == SweepOrder::activation) {
    std::stable_sort(inputs.order.begin(), inputs.order.end(),
                     [&](std::int64_t a, std::int64_t b) { return diagonal(hessian, a) > diagonal(hessian, b); });
  }
  return inputs;
}

/// With J the reversal of rows, J H' J = L L^T gives H' = R R^T for the upper triangular R = J L J, so U = R^-1 =
/// J L^-1 J: one factorization and one triangular inverse, and H'^-1 itself is never formed.
InverseHessian invert_hessian(MatrixView<const float> hessian, SweepOrder order, double damping) {
  InverseHessian result{{order_inputs(hessian, order)}, {}};
  const std::int64_t n = hessian.rows;
  const std::vector<std::int64_t> reversed(result.order.rbegin(), result.order.rend());
  const DampedFactor damped = factor_damped(hessian, reversed, mean_diagonal(hessian), damping);
  result.damping = damped.damping;
  result.factor.reshape(n, n);
  invert_lower(damped.lower.view(), result.factor.view());
  std::reverse(result.factor.data(), result.factor.data() + n * n);
  for (std::int64_t i = 0; i < n; ++i) result.diagonal.push_back(result.factor.row(i)[i]);
  return result;
}

}  // namespace pare::framework
