// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "search/space/search_space.hpp"

namespace pare::search {

/// scores[site][option], the smaller the better; infinity forbids an option.
using Scores = std::vector<std::vector<double>>;

/// At most that many sites may differ from the reference.
struct TrustRegion {
  Recipe reference;
  std::size_t max_changes = 0;
};

struct IntegerProgrammeOptions {
  double relative_gap = 1e-4;       ///< of the best possible sum
  std::size_t exact_columns = 400;  ///< up to so many columns the gap is zero
  int max_nodes = 200000;           ///< a bound that does not depend on the clock
};

/// The recipe with the least sum of scores within the budget (and the trust region), or nothing when none is.
///
///   minimise  sum score[s][o] x[s][o]                        one binary variable a site and option
///   where     sum over o of x[s][o] = 1 for each site        a multiple-choice knapsack
///             sum bytes[s][o] x[s][o] <= budget
///             sum of x[s][o] that are not the reference's <= max_changes
///
/// Solved by branch and cut (CBC), one thread, without its preprocessing (which was measured to be slower on
/// these rows). Bounded by nodes and gap, never by time, so that the same input gives the same recipe; when
/// the nodes run out, the best recipe found. Worst case exponential; 224 sites with eight options take
/// seconds.
std::optional<Recipe> allocate(const SearchSpace& space, const Scores& scores, std::int64_t budget_bytes,
                               const std::optional<TrustRegion>& region = std::nullopt,
                               const IntegerProgrammeOptions& options = {});

/// Sum of the scores of a recipe.
double total_score(const Scores& scores, const Recipe& recipe);

}  // namespace pare::search
