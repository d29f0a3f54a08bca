// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "framework/io/safetensors.hpp"

namespace pare::framework {

/// The types of weights: F32, F16, BF16.
bool is_weight_type(StoredType type);

/// Converts the bytes of a tensor, at any alignment, to binary32; exact. EXPECTs a weight type and as many
/// values as `out` has.
void read_tensor(StoredType type, std::span<const std::byte> bytes, std::span<float> out);

/// The index of the first NaN or infinity. Looks at exponents only, at the speed of memory. EXPECTs a weight
/// type.
std::optional<std::int64_t> first_not_finite(StoredType type, std::span<const std::byte> bytes);

}  // namespace pare::framework
