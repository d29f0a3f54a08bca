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

/// The full model with one site at one other option, or one unit in another form: all options up to a bit and a half a
/// weight above the budget's mean. More expensive ones lose so little that their local error tells enough.
std::vector<Recipe> survey_swaps(const SearchSpace& space, const Recipe& full, std::int64_t budget_bytes);

/// Losses of all options from what the archive knows of these swaps, the rest by local error (tabulate). Falls with the
/// bytes at every site, whatever the noise. The full model's own options lose nothing.
Scores survey_shape(const SearchSpace& space, const Archive& archive, const Recipe& full);

}  // namespace pare::search
