// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/core/device_view.hpp"
#include "kernels/core/stream.hpp"

/// Matrices of second-order methods from one arrangement into another, on a GPU; enqueued on `stream`.

namespace pare::kernels {

/// out[i][j] = H[columns[i]][columns[j]] for H [K, K] symmetric, in binary64, plus `shift` on the diagonal, where 0
/// counts as 1. Of H only what lies on and below its diagonal is read.
///   columns [1, K];  out [K, K]
void gather_damped(DeviceView<const float> hessian, DeviceView<const std::int64_t> columns, double shift,
                   DeviceView<double> out, const Stream& stream);

/// upper[i][j] = lower[n - 1 - i][n - 1 - j] for i <= j, and 0 below the diagonal: J L J of a lower triangular L [n, n],
/// of which nothing above the diagonal is read.
void reverse_lower(DeviceView<const double> lower, DeviceView<double> upper, const Stream& stream);

/// out[r][i] = weight[r][order[i]] in binary64.
///   weight, out [rows, K];  order [1, K]
void gather_columns(DeviceView<const float> weight, DeviceView<const std::int64_t> order, DeviceView<double> out,
                    const Stream& stream);

}  // namespace pare::kernels
