// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "search/space/budget.hpp"

namespace pare::search {

/// A limit on one cost, spoken of in its own unit: "decode_seconds: 0.0012", "bytes: 2000000".
std::string limit_text(const SearchSpace& space, std::optional<std::size_t> measure, std::int64_t limit);

/// The least and the most that a recipe can cost in a measure.
std::pair<std::int64_t, std::int64_t> cost_range(const SearchSpace& space, std::size_t measure);

/// A recipe with the least of one cost (nothing: bytes) among those that keep `limit` on another one. Exact.
std::optional<Recipe> least_within(const SearchSpace& space, std::optional<std::size_t> cost,
                                   std::optional<std::size_t> limited, std::int64_t limit);

/// The budget with a recipe that fits filled in, where it limits more than bytes; as it is where it does not. Throws
/// InputError when none is found: a limit that is impossible alone (says the smallest possible), two that are
/// impossible together (says which, and by how much), or all of them together.
Budget with_fitting_recipe(const SearchSpace& space, Budget budget);

}  // namespace pare::search
