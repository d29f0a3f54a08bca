// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>

#include "framework/config/config_node.hpp"

namespace pare::framework::detail {

/// Applies one "a.b.c=value" as ConfigDocument::apply_overrides says. Errors name "--set a.b.c=value".
void apply_override(ConfigNode& root, const std::string& text, const std::set<std::string>& alternatives);

}  // namespace pare::framework::detail
