// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pare::framework {

/// CRC-32C (Castagnoli: polynomial 0x1EDC6F41, reflected); of the nine bytes "123456789" 0xe3069283.
std::uint32_t crc32c(std::span<const std::byte> bytes);

}  // namespace pare::framework
