// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "framework/io/checkpoint.hpp"

namespace pare::framework {

/// Converts an F32, F16 or BF16 tensor to binary32, exactly. `out` has one value an element. Throws InputError for other dtypes.
void read_values(const Checkpoint::Tensor& tensor, std::span<float> out);

/// Index of the first element that is NaN or infinite, or -1. Throws InputError for dtypes that are not floating point.
std::int64_t first_not_finite(const Checkpoint::Tensor& tensor);

}  // namespace pare::framework
