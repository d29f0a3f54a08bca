// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include "kernels/prune/mask.hpp"
#include "kernels/quantize/group_grid.hpp"
#include "kernels/second_order/sweep_columns.hpp"

namespace pare::kernels {
namespace {

using Sweep = ColumnSweep<MatrixView>;

void choose_neighbours(const Sweep& sweep, std::int64_t r, std::int64_t first) {
  const auto& [keep, kept, of] = sweep.pruning;
  std::vector<float> scores;
  for (std::int64_t j = first; j < first + of; ++j)
    scores.push_back(static_cast<float>(std::abs(sweep.weights.row(r)[j]) / sweep.factor.row(j)[j]));
  remove_lowest({scores.data(), 1, of}, of - kept, {keep.row(r) + first, 1, of});
}

/// What is stored for weight `w` at position j of row r.
double stored(const Sweep& sweep, std::int64_t r, std::int64_t j, double w) {
  const auto& [grids, codes, bits, group_size] = sweep.rounding;
  const bool removed = sweep.pruning.keep.data != nullptr && sweep.pruning.keep.row(r)[j] == 0;
  if (grids.data == nullptr) return removed ? 0.0 : w;
  const std::int64_t column = sweep.order.data[j];
  std::uint8_t& code = codes.row(r)[column];
  code = 0;
  if (removed) return 0.0;
  const GroupGrid& group = grids.row(grids.rows == 1 ? 0 : r)[column / group_size];
  const auto value = static_cast<float>(w);
  round_group(&value, 1, group, bits, &code);
  return value_of(code, group);
}

}  // namespace

void sweep_columns(const Sweep& sweep, std::int64_t begin, std::int64_t end, MatrixView<double> errors) {
  detail::check_sweep(sweep, begin, end, errors);
  for (std::int64_t r = 0; r < sweep.weights.rows; ++r) {
    double* w = sweep.weights.row(r);
    for (std::int64_t j = begin; j < end; ++j) {
      if (sweep.pruning.of > 0 && j % sweep.pruning.of == 0) choose_neighbours(sweep, r, j);
      const double* u = sweep.factor.row(j);
      const double q = stored(sweep, r, j, w[j]);
      const double error = (w[j] - q) / u[j];
      for (std::int64_t k = j + 1; k < end; ++k) w[k] -= u[k] * error;
      w[j] = q;
      errors.row(r)[j - begin] = error;
    }
  }
}

}  // namespace pare::kernels
