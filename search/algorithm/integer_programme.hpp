// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "search/algorithm/scores.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

struct IntegerProgrammeOptions {
  /// Up to so many sites x options the answer is exact; above, within the relative gap of the best possible
  /// sum (counted from the least score of every site).
  std::size_t exact_columns = 400;
  double relative_gap = 1e-4;
  /// Partial recipes kept at a site. When they do not suffice, the most promising are kept, and the answer
  /// may not be the best.
  std::size_t most_states = 20000;
};

/// The recipe with the least sum of scores within the budget (and the trust region), or nothing when none is.
///
///   minimise  sum score[s][o] x[s][o]                        one binary variable a site and option
///   where     sum over o of x[s][o] = 1 for each site        a multiple-choice knapsack
///             sum bytes[s][o] x[s][o] <= budget
///             sum of x[s][o] that are not the reference's <= max_changes
///             the options of a unit (SearchSpace::units) have one form
///
/// Sites that must agree on a form count as one, whose options are all undominated combinations of theirs.
///
/// An exact dynamic programme over partial recipes, in the manner of M. Dyer, W. Riha, J. Walker, European J.
/// Operational Research 82 (1995) and D. Pisinger, same journal 83 (1995):
///
///   (l, m) = multipliers of the two rows at the maximum of the Lagrangian dual, which bounds every
///   completion from below for each site, least ambiguous first: extend every kept (bytes, changes, score) by
///   every option; drop what cannot fit, what
///     another one dominates, and what its bound excludes
///   a first pass that keeps few states gives the recipe that a second pass has to beat
///
/// A budget with more rows than bytes goes to allocate_rows (algorithm/row_programme.hpp).
///
/// Integer arithmetic for bytes, no clock, no tolerance: the same input gives the same recipe. Exponential in
/// the worst case but for most_states; milliseconds for 35 sites and tens of milliseconds for 224 of six
/// options.
std::optional<Recipe> allocate(const SearchSpace& space, const Scores& scores, const Budget& budget,
                               const std::optional<TrustRegion>& region = std::nullopt,
                               const IntegerProgrammeOptions& options = {});

}  // namespace pare::search
