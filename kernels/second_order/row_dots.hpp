// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/core/device_view.hpp"
#include "kernels/core/stream.hpp"

namespace pare::kernels {

/// dots[0][r] = sum over c of a[r][c] b[r][c] on a GPU, in binary64, where products of binary32 are exact; the same
/// bits every time. Enqueued on `stream`.
///   a, b [rows, cols];  dots [1, rows]
void dot_rows(DeviceView<const float> a, DeviceView<const float> b, DeviceView<double> dots, const Stream& stream);

}  // namespace pare::kernels
