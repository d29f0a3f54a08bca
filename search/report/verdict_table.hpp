// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/store/run_record.hpp"

namespace pare::search {

/// The outcome of a run for a terminal: the budget, every contestant on the held-out windows with the winner
/// marked, what the search gained over the best uniform recipe that fits, how the winner spends its bits, and
/// what it all cost. A run without a verdict gives one line that says how far it is.
std::string verdict_table(const RunRecord& record);

/// Its sentences on the winner beside the best uniform recipe and mixture that fit, a line each. EXPECTs a verdict.
std::string gain_text(const RunRecord& record);

}  // namespace pare::search
