// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels::detail {

/// Behind Bf16Gemm on Hopper; the arguments have been checked. `columns` outputs are a tile: 64, 128, 192 or 256, or 0 to
/// leave the choice; results are the same whatever is chosen. Out is BFloat16 or float.
template <class Out>
void launch_gemm_bf16_hopper(DeviceView<const BFloat16> x, DeviceView<const BFloat16> weight,
                             DeviceSpan<const Out> bias, DeviceView<Out> out, bool accumulate, int columns,
                             const Stream& stream);

}  // namespace pare::kernels::detail
