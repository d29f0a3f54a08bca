// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pare::search {

/// The known name with the least edit distance to the one wanted; the first of them in a tie. EXPECTs a known
/// name.
std::string nearest_name(std::string_view wanted, const std::vector<std::string>& known);

}  // namespace pare::search
