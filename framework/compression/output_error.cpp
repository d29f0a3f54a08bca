// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/output_error.hpp"

#include <algorithm>

#include "kernels/core/matrix.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::framework {

std::vector<float> detail::diagonal_of(kernels::MatrixView<const float> hessian) {
  EXPECT(hessian.rows == hessian.cols, hessian.rows, " x ", hessian.cols);
  std::vector<float> diagonal(static_cast<std::size_t>(hessian.rows));
  for (std::int64_t j = 0; j < hessian.rows; ++j) diagonal[static_cast<std::size_t>(j)] = hessian.row(j)[j];
  return diagonal;
}

void OutputError::check(kernels::MatrixView<const float> difference) const {
  EXPECT(difference.cols == static_cast<std::int64_t>(diagonal_.size()), difference.cols, " inputs, not ",
         diagonal_.size());
}

double OutputError::total(std::span<const double> row_errors) {
  double total = 0.0;
  for (const double error : row_errors) total += error;
  return std::max(total, 0.0);
}

HostOutputError::HostOutputError(kernels::MatrixView<const float> hessian)
    : OutputError(detail::diagonal_of(hessian)),
      hessian_(kernels::LinearWeights::from_float(hessian, kernels::Precision::f32)) {}

double HostOutputError::operator()(kernels::MatrixView<const float> difference) const {
  check(difference);
  constexpr std::int64_t block_rows = 512;
  const bool full = hessian_.inputs() > 0;
  kernels::Matrix<float> products;
  std::vector<double> row_errors(static_cast<std::size_t>(difference.rows));
  for (std::int64_t first = 0; first < difference.rows; first += block_rows) {
    const auto block = difference.rows_from(first, std::min(block_rows, difference.rows - first));
    if (full) {
      products.reshape(block.rows, block.cols);
      hessian_.apply(block, {}, products.view(), false);
    }
    kernels::parallel_for(block.rows, 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const float* d = block.row(r);
        double error = 0.0;
        for (std::int64_t j = 0; j < block.cols; ++j) {
          const double product = full ? products.row(r)[j] : double{d[j]} * diagonal()[static_cast<std::size_t>(j)];
          error += product * d[j];
        }
        row_errors[static_cast<std::size_t>(first + r)] = error;
      }
    });
  }
  return total(row_errors);
}

}  // namespace pare::framework
