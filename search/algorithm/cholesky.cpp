// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/cholesky.hpp"

#include <Eigen/Cholesky>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const Matrix> view(const std::vector<double>& factor, std::size_t n) {
  return {factor.data(), static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(n)};
}

Eigen::Map<Eigen::VectorXd> view(std::vector<double>& b) {
  return {b.data(), static_cast<Eigen::Index>(b.size())};
}

}  // namespace

Cholesky::Cholesky(std::vector<double> matrix, std::size_t n) : factor_(std::move(matrix)), n_(n) {
  EXPECT(factor_.size() == n * n, factor_.size(), " values for ", n, " rows");
  const auto rows = static_cast<Eigen::Index>(n);
  Eigen::Map<Matrix> in_place(factor_.data(), rows, rows);
  const Eigen::LLT<Eigen::Ref<Matrix>> llt(in_place);
  EXPECT(llt.info() == Eigen::Success, "a matrix of ", n, " rows that is not positive definite");
}

std::vector<double> Cholesky::solve(std::vector<double> b) const {
  const auto factor = view(factor_, n_);
  auto x = view(b);
  factor.triangularView<Eigen::Lower>().solveInPlace(x);
  return solve_transposed(std::move(b));
}

std::vector<double> Cholesky::solve_transposed(std::vector<double> b) const {
  const auto factor = view(factor_, n_);
  auto x = view(b);
  factor.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
  return b;
}

}  // namespace pare::search
