// SPDX-License-Identifier: Apache-2.0
#include "search/objective/race_counts.hpp"

#include <algorithm>

namespace pare::search {

void RaceCounts::add(const RaceCounts& other) {
  races += other.races;
  entrants += other.entrants;
  eliminated += other.eliminated;
  cut += other.cut;
  windows_saved += other.windows_saved;
  for (const Rung& rung : other.rungs) {
    const auto at =
        std::find_if(rungs.begin(), rungs.end(), [&](const Rung& each) { return each.windows >= rung.windows; });
    if (at != rungs.end() && at->windows == rung.windows) {
      at->spent += rung.spent;
    } else {
      rungs.insert(at, rung);
    }
  }
}

}  // namespace pare::search
