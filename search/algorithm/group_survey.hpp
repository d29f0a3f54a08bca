// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "search/algorithm/scores.hpp"
#include "search/objective/archive.hpp"
#include "search/space/search_space.hpp"

namespace pare::search {

/// The survey where tokens do not last for one of single sites: what all sites of a kind lose together, and all of a
/// layer, with nothing else compressed. Some twenty recipes say most of what sites differ by.

/// The full model with the sites of one kind, or of one layer, at the options that they have in `local`, or the nearest
/// of the full model's form. Kinds first, in alphabetical order; groups without such a change are left out.
std::vector<Recipe> group_swaps(const SearchSpace& space, const Recipe& full, const Recipe& local);

/// Losses of all options: local errors times a factor of the site's kind and one of its layer, chosen so that groups
/// lose in all what the archive knows of group_swaps; iterative proportional fitting (W. Deming, F. Stephan, Annals of
/// Mathematical Statistics 11, 1940). Factors of groups that were not measured, or have no local errors, are 1.
Scores group_shape(const SearchSpace& space, const Archive& archive, const Recipe& full, const Recipe& local);

}  // namespace pare::search
