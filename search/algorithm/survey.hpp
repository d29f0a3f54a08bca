// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "search/algorithm/integer_programme.hpp"
#include "search/objective/archive.hpp"
#include "search/space/search_space.hpp"

namespace pare::search {

/// The survey: what every site loses alone, with nothing else compressed. Losses are measured there with the least
/// noise, since they have no other rounding errors to add to or to cancel.

/// Of all single swaps of the full model those of a unit's form, and those of a site to the option that it has in
/// `local` or to the next smaller one: two points tell how the loss of a site grows with its local error, which is known
/// for every option.
std::vector<Recipe> survey_swaps(const SearchSpace& space, std::vector<Recipe> swaps, const Recipe& full,
                                 const Recipe& local);

/// Losses of all options from what the archive knows of these swaps, the rest by local error (tabulate). Falls with the
/// bytes at every site, whatever the noise. The full model's own options lose nothing.
Scores survey_shape(const SearchSpace& space, const Archive& archive, const Recipe& full);

}  // namespace pare::search
