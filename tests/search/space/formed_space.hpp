// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/space/search_space.hpp"

namespace pare::test {

/// `stages` stages of `sites` sites that must agree on a form, and a last site alone. Site s of a stage has
/// 1000 + 200 s weights and the options drop, half+w2, half+w4, w2, w3 and w4, in the order of their bytes.
inline search::SearchSpace formed_space(int stages, int sites) {
  search::SearchSpace space;
  for (int stage = 0; stage < stages; ++stage) {
    for (int s = 0; s < sites; ++s) {
      const std::int64_t weights = 1000 + 200 * s;
      search::SearchSite site{"layer" + std::to_string(stage) + "." + std::to_string(s),
                              "kind" + std::to_string(s),
                              stage,
                              stage,
                              weights,
                              2 * weights,
                              {}};
      site.options = {
          {"drop", 0, 1.0, "drop"}, {"half+w2", weights / 8, 0.6, "half"}, {"half+w4", weights / 4, 0.45, "half"},
          {"w2", weights / 4, 0.3}, {"w3", weights * 3 / 8, 0.08},         {"w4", weights / 2, 0.02}};
      space.sites.push_back(site);
    }
  }
  space.sites.push_back({"alone", "head", stages, stages, 800, 1600, {{"w2", 200, 0.3}, {"w4", 400, 0.02}}});
  return space;
}

}  // namespace pare::test
