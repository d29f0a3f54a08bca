// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"
#include "kernels/quantize/grid.hpp"

namespace pare::kernels {

/// Writes the grids of groups [first, first + count) of every row, from the weights as a sweep has left them, seen as
/// binary32: min-max grids, or where there is an importance those of clipped_grid. A scale that binary16 does not hold is
/// infinity.
///
///   weights     [rows, K] in sweep order
///   position    [1, K]: column c of the layer is weights[..][position[c]]
///   importance  [1, K] by column of the layer, or empty: groups are not clipped
///   grids       [rows, groups]; group g has columns g * group_size on of the layer, of which grid.group_size = 0 makes K
void make_group_grids(MatrixView<const double> weights, MatrixView<const std::int64_t> position,
                      MatrixView<const float> importance, const Grid& grid, std::int64_t first, std::int64_t count,
                      MatrixView<GroupGrid> grids);

/// The GPU's half, enqueued on `stream`. Min-max grids are the same bits; the errors that choose a clip are summed in
/// another order, in binary64.
void make_group_grids(DeviceView<const double> weights, DeviceView<const std::int64_t> position,
                      DeviceView<const float> importance, const Grid& grid, std::int64_t first, std::int64_t count,
                      DeviceView<GroupGrid> grids, const Stream& stream);

}  // namespace pare::kernels
