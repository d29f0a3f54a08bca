// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>

#include "kernels/core/matrix_view.hpp"
#include "kernels/prune/mask.hpp"
#include "kernels/second_order/sweep_columns.hpp"

/// In which blocks GPTQ and SparseGPT go over the columns of a layer; private to them.

namespace pare::framework {

/// Where the block of at most `block` columns that begins at `begin` ends: earlier where a chunk (of one of the sizes
/// `chunks`, counted from column 0) would begin inside the block and end behind it. So whoever looks at a whole chunk
/// when its first column is reached sees all earlier columns' updates.
std::int64_t end_of_block(std::int64_t begin, std::int64_t block, std::int64_t cols,
                          std::initializer_list<std::int64_t> chunks);

/// Orders like w^2 / U_jj^2, and does not underflow.
inline float pruning_score(double weight, double diagonal) {
  return static_cast<float>(std::abs(weight) / diagonal);
}

/// Unstructured patterns: marks which weights of the columns from `begin` on stay, so that round(ratio * count) of those
/// up to their end have been removed. scores, keep [rows, columns].
void choose_columns(const kernels::SparsityPattern& pattern, std::int64_t begin,
                    kernels::MatrixView<const float> scores, kernels::MatrixView<std::uint8_t> keep);

/// A sweep by kernels::sweep_columns.
struct SweepPlan {
  std::int64_t cols = 0;
  std::int64_t block = 0;
  std::int64_t group_size = 0;  ///< > 0: the grids of a group are made when its first column is reached
  int neighbours = 0;           ///< M of N:M
  bool unstructured = false;    ///< the mask of a block is chosen when its first column is reached

  /// Whether sweep_columns can choose among M neighbours: none lie in two calls, and one call holds them.
  bool is_possible() const {
    return neighbours == 0 || (neighbours <= std::min(block, kernels::widest_sweep) && cols % neighbours == 0 &&
                               group_size % neighbours == 0);
  }
};

/// Calls, in this order,
///   layer.choose_mask(begin, end)    for each block of the CPU's sweep, where the plan is unstructured
///   layer.make_grids(group)          before the first column of each group
///   layer.sweep(begin, end)          for each part of a block: groups begin with a part, so that make_grids sees what
///                                    all earlier columns have left; parts have at most widest_sweep columns
template <class Layer>
void sweep_layer(const SweepPlan& plan, Layer& layer) {
  const std::int64_t group = plan.group_size, neighbours = std::max(1, plan.neighbours);
  for (std::int64_t begin = 0, end = 0; begin < plan.cols; begin = end) {
    end = end_of_block(begin, plan.block, plan.cols, {std::max<std::int64_t>(1, group), neighbours});
    if (plan.unstructured) layer.choose_mask(begin, end);
    for (std::int64_t part = begin, stop = 0; part < end; part = stop) {
      stop = std::min(end, part + kernels::widest_sweep / neighbours * neighbours);
      if (group > 0) {
        if (part % group == 0) layer.make_grids(part / group);
        stop = std::min(stop, (part / group + 1) * group);
      }
      layer.sweep(part, stop);
    }
  }
}

}  // namespace pare::framework
