// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "search/algorithm/scores.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

/// allocate() (algorithm/integer_programme.hpp) for a budget with several rows: the recipe with the least sum of scores
/// that keeps them all (and the trust region, which is a row, too), or nothing when none was found.
///
///   prices = multipliers of the rows at the maximum of the Lagrangian dual: coordinate ascent by bisection, then
///            subgradient steps of a fixed number (M. Fisher, Management Science 27, 1981)
///   best   = the budget's fitting recipe and the reference, where they are allowed
///   for each unit, least ambiguous first: extend every partial recipe by every undominated choice; drop what cannot
///     fit any more, what its bound says cannot beat `best`, and, where they become too many, what another dominates
///     and then the least promising by their bounds
///
/// Exact while no partial recipe is dropped for number, which small spaces never come to; else a bounded search whose
/// answer is at least as good as the fitting recipe. No clock and no random numbers: the same input gives the same
/// recipe. Tens of milliseconds for 35 sites of six options and three rows.
std::optional<Recipe> allocate_rows(const SearchSpace& space, const Scores& scores, const Budget& budget,
                                    const std::optional<TrustRegion>& region = std::nullopt);

}  // namespace pare::search
