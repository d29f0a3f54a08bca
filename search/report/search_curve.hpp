// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "search/space/budget.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// The best recipe that fits after some of the trials, on the search windows.
struct CurvePoint {
  std::int64_t tokens = 0;                                    ///< candidate-tokens measured until then, none twice
  double seconds = std::numeric_limits<double>::quiet_NaN();  ///< Trial::seconds
  double loss = 0;                                            ///< by the objective
  std::int64_t windows = 0;                                   ///< that `loss` stands on
  /// Against the best uniform recipe that fits, on the windows known of both: of KL, perplexity or wrong answers how
  /// many times as much. NaN where there is none.
  double ratio = std::numeric_limits<double>::quiet_NaN();
};

/// At most `points` of them, at about equal steps of tokens. The best is the one with the least loss on as many first
/// windows as two recipes that fit are known on: what only one survived to see is no comparison. Empty before any fits.
std::vector<CurvePoint> search_curve(const RunRecord& record, const Budget& budget, std::size_t points);

}  // namespace pare::search
