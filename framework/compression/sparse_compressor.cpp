// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/sparse_compressor.hpp"

#include <numeric>
#include <optional>
#include <vector>

#include "framework/compression/layer_storage.hpp"
#include "framework/compression/pruning_scores.hpp"
#include "framework/compression/round_to_nearest.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/prune/sparse_layout.hpp"

namespace pare::framework {
namespace {

using Method = Sparsity::Method;

constexpr std::int64_t sketch_rows = 64;

/// The random projection of inputs is that of any matrix with the same Gram matrix: here the Cholesky factor of H.
kernels::Matrix<float> projection_scores(const LayerJob& job) {
  const auto hessian = job.input->statistics().hessian();
  std::vector<std::int64_t> columns(static_cast<std::size_t>(hessian.rows));
  std::iota(columns.begin(), columns.end(), 0);
  const DampedFactor factor = factor_damped(hessian, columns, mean_diagonal(hessian));
  kernels::Matrix<float> upper(hessian.rows, hessian.cols);
  for (std::int64_t i = 0; i < upper.rows(); ++i)
    for (std::int64_t j = 0; j < upper.cols(); ++j)
      upper.row(i)[j] = j < i ? 0.0f : static_cast<float>(factor.lower.row(j)[i]);
  kernels::Matrix<double> sketch(sketch_rows, hessian.cols);
  std::fill_n(sketch.data(), sketch.size(), 0.0);
  add_to_sketch(upper.view(), 0, job.seed, sketch.view());
  return random_projection_scores(job.weight, sketch.view());
}

kernels::Matrix<float> scores(const LayerJob& job) {
  switch (job.option.sparsity->method) {
    case Method::random:
      return random_scores(job.weight.rows, job.weight.cols, job.seed);
    case Method::projection:
      return projection_scores(job);
    case Method::wanda:
      return wanda_scores(job.weight, job.input->statistics().diagonal());
    case Method::magnitude:
    case Method::sparsegpt:
      break;
  }
  return magnitude_scores(job.weight);
}

/// The option's weights without its sparsity.
void compress_dense(const LayerJob& job, kernels::MatrixView<const float> weight, std::span<std::byte> body) {
  Option dense = job.option;
  dense.sparsity.reset();
  const LayerJob rest{.option = dense, .weight = weight, .input = job.input, .divisors = {}, .clip = false, .seed = 0};
  if (dense.weights == Option::Weights::original) {
    RoundToNearest().compress(rest, body);
  } else {
    compressor_of(dense).compress(rest, body);
  }
}

}  // namespace

void SparseCompressor::compress(const LayerJob& job, std::span<std::byte> body) const {
  const Option& option = job.option;
  const bool dense = option.sparsity->dense;
  const auto grid = option.weights == Option::Weights::grid && !dense ? std::optional(option.grid) : std::nullopt;
  const kernels::SparseLayout layout =
      kernels::sparse_layout(pattern_of(*option.sparsity), grid, job.weight.rows, job.weight.cols);
  if (option.sparsity->method == Method::sparsegpt) {
    std::vector<std::byte> unused(dense ? static_cast<std::size_t>(layout.total_bytes) : 0);
    const SparseWeight pruned = job.input->sweeps(SweepOrder::natural)
                                    .prune_sparsegpt(job.weight, layout, {}, dense ? std::span(unused) : body);
    if (dense) compress_dense(job, pruned.weight.view(), body);
    return;
  }
  const kernels::Matrix<float> score = scores(job);
  const kernels::Matrix<std::uint8_t> keep = kernels::select_mask(score.view(), layout.pattern);
  if (!dense) {
    kernels::pack_sparse(layout, keep.view(), job.weight, body);
    return;
  }
  kernels::Matrix<float> masked(job.weight.rows, job.weight.cols);
  for (std::int64_t r = 0; r < masked.rows(); ++r)
    for (std::int64_t c = 0; c < masked.cols(); ++c)
      masked.row(r)[c] = keep.row(r)[c] != 0 ? job.weight.row(r)[c] : 0.0f;
  compress_dense(job, masked.view(), body);
}

}  // namespace pare::framework
