// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "search/space/search_space.hpp"

namespace pare::test {

/// Three sites of 1000, 2000 and 4000 weights, layers 0, 0 and 1. Options of 2, 3 and 4 bits without scales;
/// the second site has no 3 bits, the third also 8.
inline search::SearchSpace tiny_space() {
  const auto site = [](const char* name, const char* kind, int layer, std::int64_t weights,
                       const std::vector<int>& bits) {
    search::SearchSite made{name, kind, layer, layer, weights, 2 * weights, {}};
    for (const int b : bits) made.options.push_back({"w" + std::to_string(b), weights * b / 8, 1.0 / (1 << (2 * b))});
    return made;
  };
  return {{site("a", "q_proj", 0, 1000, {2, 3, 4}), site("b", "up_proj", 0, 2000, {2, 4}),
           site("c", "q_proj", 1, 4000, {2, 3, 4, 8})}};
}

}  // namespace pare::test
