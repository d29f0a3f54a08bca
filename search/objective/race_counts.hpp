// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace pare::search {

/// What races cost and saved. Windows are those of entrants racing, whether or not they were known before.
struct RaceCounts {
  std::int64_t races = 0;
  std::int64_t entrants = 0;
  std::int64_t eliminated = 0;     ///< left because another was better, with confidence
  std::int64_t cut = 0;            ///< left because too few go on to the next rung
  std::int64_t windows_saved = 0;  ///< that entrants who left, or a race that ended early, did not have to run

  struct Rung {
    std::int64_t windows = 0;  ///< up to which it goes
    std::int64_t spent = 0;    ///< windows that entrants ran in it
    bool operator==(const Rung&) const = default;
  };
  std::vector<Rung> rungs;  ///< ascending

  void add(const RaceCounts& other);
  bool operator==(const RaceCounts&) const = default;
};

}  // namespace pare::search
