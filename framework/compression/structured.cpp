// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/structured.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <Eigen/Cholesky>

#include "framework/compression/cholesky.hpp"
#include "framework/compression/eigen_view.hpp"
#include "kernels/core/parallel.hpp"

namespace pare::framework {
namespace {

using kernels::Matrix;
using kernels::MatrixView;

constexpr std::int64_t tile_rows = 64;

void check_shapes(MatrixView<const float> weight, MatrixView<const float> hessian, const Units& units) {
  VALIDATE(units.count > 0 && units.width > 0 && units.count * units.width == weight.cols, units.count, " units of ",
           units.width, " columns do not make up the ", weight.cols, " inputs of the layer");
  EXPECT(hessian.rows == weight.cols, "a Hessian of ", hessian.rows, " inputs for ", weight.cols);
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t c = 0; c < weight.cols; ++c) {
      VALIDATE(std::isfinite(weight.row(r)[c]), "the weight in row ", r, ", column ", c, " is ", weight.row(r)[c],
               " and cannot be compressed, weights must be finite");
    }
  }
}

/// sum over outputs of w_ij^2, for each column j; in the order of rows.
std::vector<double> column_energies(MatrixView<const float> weight) {
  std::vector<double> energy(static_cast<std::size_t>(weight.cols));
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t c = 0; c < weight.cols; ++c) {
      energy[static_cast<std::size_t>(c)] += double{weight.row(r)[c]} * double{weight.row(r)[c]};
    }
  }
  return energy;
}

/// With (H'^-1)_SS = U_:S^T U_:S = L L^T, the saliency is |W_S L^-T|^2. U is upper triangular: rows below S are 0.
double saliency(MatrixView<const float> weight, const InverseHessian& inverse, std::int64_t first, std::int64_t width) {
  const ConstRowMajorMap factor = eigen_view(inverse.factor.view());
  const RowMajor columns = factor.block(0, first, first + width, width);
  const Eigen::LLT<RowMajor> inner(RowMajor(columns.transpose() * columns));
  RowMajor unit(weight.rows, width);
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t c = 0; c < width; ++c) {
      unit(r, c) = inverse.dead[static_cast<std::size_t>(first + c)] != 0 ? 0.0 : double{weight.row(r)[first + c]};
    }
  }
  inner.matrixLLT().transpose().triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(unit);
  return unit.squaredNorm();
}

std::vector<double> saliencies(MatrixView<const float> weight, const InverseHessian& inverse, const Units& units) {
  std::vector<double> scores(static_cast<std::size_t>(units.count));
  kernels::parallel_for(units.count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t u = begin; u < end; ++u) {
      scores[static_cast<std::size_t>(u)] = saliency(weight, inverse, u * units.width, units.width);
    }
  });
  return scores;
}

std::vector<std::int64_t> columns_of(const std::vector<std::int64_t>& chosen, const Units& units) {
  std::vector<std::int64_t> columns;
  for (const std::int64_t u : chosen) {
    for (std::int64_t i = 0; i < units.width; ++i) columns.push_back(u * units.width + i);
  }
  return columns;
}

/// Columns `columns` of rows [first, first + rows).
RowMajor gather(MatrixView<const float> weight, std::int64_t first, std::int64_t rows,
                const std::vector<std::int64_t>& columns) {
  RowMajor out(rows, static_cast<std::int64_t>(columns.size()));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      out(r, static_cast<std::int64_t>(c)) = weight.row(first + r)[columns[c]];
    }
  }
  return out;
}

/// W_S + W_R H_RS (H'_SS)^-1, given the factor of H'_SS.
Matrix<float> refit(MatrixView<const float> weight, MatrixView<const float> hessian,
                    const std::vector<std::int64_t>& kept, const std::vector<std::int64_t>& removed,
                    MatrixView<const double> factor) {
  RowMajor coupling(static_cast<std::int64_t>(removed.size()), factor.rows);
  for (std::size_t i = 0; i < removed.size(); ++i) {
    for (std::size_t j = 0; j < kept.size(); ++j) {
      coupling(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) =
          hessian.row(std::max(removed[i], kept[j]))[std::min(removed[i], kept[j])];
    }
  }
  Matrix<float> out(weight.rows, factor.rows);
  kernels::parallel_for((weight.rows + tile_rows - 1) / tile_rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = begin; t < end; ++t) {
      const std::int64_t first = t * tile_rows;
      const std::int64_t rows = std::min(tile_rows, weight.rows - first);
      RowMajor change = gather(weight, first, rows, removed) * coupling;
      solve_from_right(factor, {change.data(), change.rows(), change.cols()});
      change += gather(weight, first, rows, kept);
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < factor.rows; ++c) out.row(first + r)[c] = static_cast<float>(change(r, c));
      }
    }
  });
  return out;
}

}  // namespace

Units mlp_channels(std::int64_t inputs) {
  return {inputs, 1};
}

Units kv_groups(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim) {
  VALIDATE(heads > 0 && kv_heads > 0 && head_dim > 0 && heads % kv_heads == 0, heads, " query heads of ", head_dim,
           " columns cannot share ", kv_heads, " KV heads, their number must be a positive multiple");
  return {kv_heads, heads / kv_heads * head_dim};
}

std::vector<double> score_units(MatrixView<const float> weight, MatrixView<const float> hessian, const Units& units,
                                UnitScore score, double damping) {
  check_shapes(weight, hessian, units);
  if (score == UnitScore::hessian) {
    return saliencies(weight, invert_hessian(hessian, SweepOrder::natural, damping), units);
  }
  dead_inputs(hessian);  // for its checks
  std::vector<double> columns = column_energies(weight);
  std::vector<double> scores(static_cast<std::size_t>(units.count));
  for (std::int64_t c = 0; c < weight.cols; ++c) {
    const double factor = score == UnitScore::wanda ? double{hessian.row(c)[c]} : 1.0;
    scores[static_cast<std::size_t>(c / units.width)] += factor * columns[static_cast<std::size_t>(c)];
  }
  return scores;
}

std::vector<std::int64_t> choose_units(const std::vector<double>& scores, double ratio) {
  VALIDATE(ratio > 0.0 && ratio < 1.0, "a share of ", ratio,
           " of the units cannot be removed, use a ratio above 0 and below 1");
  const auto count = static_cast<std::int64_t>(scores.size());
  const std::int64_t kept = std::max<std::int64_t>(1, std::llround((1.0 - ratio) * static_cast<double>(count)));
  std::vector<std::int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(kept));
  std::sort(order.begin(), order.end());
  return order;
}

StructuredResult prune_structured(MatrixView<const float> weight, MatrixView<const float> hessian, const Units& units,
                                  UnitScore score, double ratio, double damping) {
  StructuredResult result;
  result.kept_units = choose_units(score_units(weight, hessian, units, score, damping), ratio);
  result.kept_columns = columns_of(result.kept_units, units);
  std::vector<std::int64_t> all(static_cast<std::size_t>(weight.cols));
  std::iota(all.begin(), all.end(), std::int64_t{0});
  std::vector<std::int64_t> removed;
  std::ranges::set_difference(all, result.kept_columns, std::back_inserter(removed));

  const DampedFactor factor = factor_damped(hessian, result.kept_columns, mean_diagonal(hessian), damping);
  result.damping = factor.damping;
  result.weight = refit(weight, hessian, result.kept_columns, removed, factor.lower.view());
  return result;
}

}  // namespace pare::framework
