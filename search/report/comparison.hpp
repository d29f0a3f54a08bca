// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "search/store/run_record.hpp"

namespace pare::search {

/// The winner beside the best contestant that gives every site the same option and fits the budget: what a
/// user would have taken without a search.
struct Comparison {
  std::size_t uniform = 0;  ///< index into Verdict::contestants
  double ratio = 0;         ///< mean held-out KL of the winner / of the uniform recipe
  double difference = 0;    ///< mean of (winner - uniform) over the same windows, nats a token
  double half_width = 0;    ///< of the two-sided 95 % interval of the difference (Student's t over windows)
};

/// Nothing without a verdict, or when no uniform contestant fits.
std::optional<Comparison> compare_with_uniform(const RunRecord& record);

}  // namespace pare::search
