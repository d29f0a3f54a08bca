// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/device_view.hpp"
#include "kernels/core/dtype.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// out[r][c] = x[r][c] / divisors[c] on a GPU, rounded to binary32, then to bfloat16: weights of x / divisors become
/// weights of x (AWQ). Enqueued on `stream`. EXPECTs matching shapes.
void divide_columns(DeviceView<const float> x, DeviceSpan<const float> divisors, DeviceView<BFloat16> out,
                    const Stream& stream);

}  // namespace pare::kernels
