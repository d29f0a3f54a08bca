// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"

struct CUtensorMap_st;

namespace pare::kernels::detail {

/// Fills `map` for tiles of `tile_rows` (at most 256) rows by 128 bytes, swizzled as wgmma wants them; what lies outside of
/// the matrix arrives as zeros, and is left out of a store. The matrix begins at a multiple of 16 bytes, as does every row. The map goes to the kernel
/// by value, as a __grid_constant__. Throws DeviceError when the driver refuses it.
void fill_tensor_map(CUtensorMap_st& map, DeviceView<const std::int8_t> matrix, int tile_rows);
void fill_tensor_map(CUtensorMap_st& map, DeviceView<const BFloat16> matrix, int tile_rows);
void fill_tensor_map(CUtensorMap_st& map, DeviceView<const float> matrix, int tile_rows);

/// The same for (column, row of a window, window) of a matrix that is whole windows of `window_length` rows: what lies beyond
/// the end of a window arrives as zeros, too.
void fill_window_map(CUtensorMap_st& map, DeviceView<const BFloat16> matrix, std::int64_t window_length, int tile_rows);

}  // namespace pare::kernels::detail
