// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace pare::search {

/// 1234567 as "1,234,567".
std::string grouped(std::int64_t value);

}  // namespace pare::search
