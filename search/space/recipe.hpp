// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace pare::search {

/// One option a site: recipe[s] is an index into SearchSpace::sites[s].options. At most 255 options a site.
using Recipe = std::vector<std::uint8_t>;

}  // namespace pare::search
