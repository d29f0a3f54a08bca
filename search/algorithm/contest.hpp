// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "search/algorithm/integer_programme.hpp"
#include "search/algorithm/search_algorithm.hpp"

namespace pare::search {

/// Recipes that need no search, or hardly one: what a search has to beat, and where it may start.

/// "uniform w3-g32": the largest uniform recipe that fits, and after it the next one above the budget, for
/// orientation. Either may be missing. Then the same of the mixtures that the options can express: "Q4_K_M".
std::vector<Finalist> plain_contestants(const SearchSpace& space, const Budget& budget);

/// The uniform ones alone.
std::vector<Finalist> uniform_contestants(const SearchSpace& space, const Budget& budget);

/// All uniform recipes that fit, largest first.
std::vector<Recipe> fitting_uniforms(const SearchSpace& space, const Budget& budget);

/// "local-ilp": least sum of local errors within the budget, without any data. The local error is relative to
/// the energy of the site's own weights, and sites count equally: a relative error of a layer's weights is,
/// for inputs without direction, the relative error of its output, whatever its size (V. Malinovskii et al.,
/// HIGGS, arXiv 2411.17525, with all alpha equal). Weighting by the number of weights instead would never let
/// a small layer have more bits than a large one needs.
Recipe local_recipe(const SearchSpace& space, const Budget& budget);

/// The scores local_recipe() minimises.
Scores local_scores(const SearchSpace& space);

}  // namespace pare::search
