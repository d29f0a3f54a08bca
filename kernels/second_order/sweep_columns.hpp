// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/quantize/grid.hpp"

/// The inner loop of the one-sweep methods, GPTQ and SparseGPT: the columns of a block are fixed one by one, of all rows
/// side by side.

namespace pare::kernels {

/// The most columns of one call: those of a row are held in the registers of a warp.
inline constexpr std::int64_t widest_sweep = 128;

/// To which points weights are rounded. Without grids they keep the values that they have.
template <template <class> class View>
struct SweepRounding {
  View<const GroupGrid> grids;  ///< [rows, groups], or [1, 1] where all weights share one
  View<std::uint8_t> codes;     ///< [rows, K] by column of the layer, a byte each; 0 for removed weights
  int bits = 0;
  std::int64_t group_size = 0;  ///< columns of the layer that share a grid; K where the whole row does
};

/// Which weights are removed: those that `keep` marks with 0, or, with `of` > 0, all but the `kept` of every `of`
/// neighbours with the largest |w_j| / U_jj (as binary32; among equals the first stay), and `keep` is written. Without
/// `keep` all stay.
template <template <class> class View>
struct SweepPruning {
  View<std::uint8_t> keep;  ///< [rows, K], 1 for weights that stay
  int kept = 0;
  int of = 0;
};

/// A layer during its sweep.
template <template <class> class View>
struct ColumnSweep {
  View<double> weights;            ///< [rows, K] in sweep order; columns that are done hold what is stored for them
  View<const double> factor;       ///< U [K, K], upper triangular
  View<const std::int64_t> order;  ///< [1, K]: position i of the sweep is column order[i] of the layer
  SweepRounding<View> rounding;
  SweepPruning<View> pruning;  ///< only in natural order
};

/// For columns j = begin .. end - 1 of the sweep:
///     q_j = 0 where removed, else the nearest point of w_j as binary32, or w_j;  e_j = (w_j - q_j) / U_jj
///     w_k -= e_j U_jk for j < k < end;  w_j = q_j
/// errors [rows, >= end - begin] gets e; updating the columns from `end` on with it is left to the caller. Binary64.
/// EXPECTs 0 < end - begin <= widest_sweep, and with `of` that begin and end are multiples of it.
void sweep_columns(const ColumnSweep<MatrixView>& sweep, std::int64_t begin, std::int64_t end,
                   MatrixView<double> errors);

/// The GPU's half, enqueued on `stream`; results differ in whether a product is rounded before it is subtracted.
void sweep_columns(const ColumnSweep<DeviceView>& sweep, std::int64_t begin, std::int64_t end,
                   DeviceView<double> errors, const Stream& stream);

namespace detail {

/// What both halves expect.
template <template <class> class View>
void check_sweep(const ColumnSweep<View>& sweep, std::int64_t begin, std::int64_t end, const View<double>& errors) {
  const std::int64_t rows = sweep.weights.rows, cols = sweep.weights.cols;
  const auto& [grids, codes, bits, group_size] = sweep.rounding;
  const auto& [keep, kept, of] = sweep.pruning;
  EXPECT(sweep.factor.rows == cols && sweep.factor.cols == cols, sweep.factor.rows, " x ", sweep.factor.cols);
  EXPECT(sweep.order.rows == 1 && sweep.order.cols == cols, sweep.order.rows, " x ", sweep.order.cols);
  EXPECT(begin >= 0 && begin < end && end <= cols && end - begin <= widest_sweep, begin, " to ", end, " of ", cols);
  EXPECT(errors.rows == rows && errors.cols >= end - begin, errors.rows, " x ", errors.cols);
  EXPECT(grids.data == nullptr || (codes.rows == rows && codes.cols == cols && bits > 0 && group_size > 0 &&
                                   (grids.rows == rows || grids.rows == 1)),
         grids.rows, " x ", grids.cols, " grids");
  EXPECT(keep.data == nullptr || (keep.rows == rows && keep.cols == cols), keep.rows, " x ", keep.cols);
  EXPECT(of == 0 || (keep.data != nullptr && kept < of && begin % of == 0 && end % of == 0), kept, ":", of);
}

}  // namespace detail
}  // namespace pare::kernels
