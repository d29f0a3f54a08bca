// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/matrix_view.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// out[t] = table[ids[t]]. EXPECTs every id < table.rows (token files are validated when they are read).
void embed(MatrixView<const float> table, std::span<const std::uint32_t> ids, MatrixView<float> out);

/// The GPU's half, enqueued on `stream`. The row of an id that is not below table.rows becomes NaN. Rows are fastest when
/// they begin at multiples of 16 bytes.
void embed(DeviceView<const BFloat16> table, DeviceSpan<const std::uint32_t> ids, DeviceView<BFloat16> out,
           const Stream& stream);
void embed(DeviceView<const BFloat16> table, DeviceSpan<const std::uint32_t> ids, DeviceView<float> out,
           const Stream& stream);

}  // namespace pare::kernels
