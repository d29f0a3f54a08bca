// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace pare::framework {

/// JSON whose keys keep the order in which they were written.
using Json = nlohmann::ordered_json;

}  // namespace pare::framework
