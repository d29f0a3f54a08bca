// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "framework/compression/inverse_hessian.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/prune/sparse_layout.hpp"

namespace pare::framework {

struct SparseGptSettings {
  int block = 128;  ///< columns whose mask is chosen at once (unstructured), and updated as one
};

/// A pruned layer [outputs, K].
struct SparseWeight {
  kernels::Matrix<float> weight;       ///< what remains; 0 for removed weights. With a grid: the values of the codes
  kernels::Matrix<std::uint8_t> keep;  ///< 1 for weights that remain
};

/// SparseGPT (Frantar, Alistarh, "SparseGPT: massive language models can be accurately pruned in one-shot", ICML 2023):
/// the sweep of GPTQ, in which weights are removed, and those that stay are rounded to the grid of `layout`, if it has
/// one, in the same pass (section 3.4 there).
///
///     every `block` columns, or at the first of M neighbours:
///       remove the lowest w_j^2 / U_jj^2 of these columns, in as many rows as the pattern compares
///     for j in the block:  q_j = 0 where removed, else w_j or its nearest point
///                          e = (w_j - q_j) / U_jj;  w_k -= e U_jk for all k > j
///
/// Unstructured: among the columns done, round(ratio * count) weights have been removed after every block, so that the
/// total is exact; the layer or each row is compared, as the pattern says. N:M: within each row. Grids of groups are
/// made when their first column is reached, from all of the group's weights as they have become. Blocks are cut
/// shorter so that none ends inside a group or inside M neighbours. Weights of dead inputs count as 0: they go first.
///
/// `packed` gets what pack_sparse would write (layout.total_bytes bytes): bfloat16 values, or codes and grids. Scores
/// are compared as binary32. Parallel over rows; nothing depends on the number of threads. 8 * outputs * K bytes of
/// memory.
///
/// Throws InputError when a weight is not finite, a scale exceeds binary16 or `block` is not positive; EXPECTs a
/// Hessian in natural order with K inputs, and a layout of the shape of `weight`.
SparseWeight prune_sparsegpt(kernels::MatrixView<const float> weight, const InverseHessian& inverse,
                             const kernels::SparseLayout& layout, const SparseGptSettings& settings,
                             std::span<std::byte> packed);

namespace detail {

/// What both implementations, that for the CPU and that for GPUs, ask for.
void check_sparsegpt(kernels::MatrixView<const float> weight, const SweepInputs& inputs,
                     const kernels::SparseLayout& layout, const SparseGptSettings& settings);

}  // namespace detail
}  // namespace pare::framework
