// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/space/search_space.hpp"

namespace pare::search {

/// A recipe as YAML: a comment with its cost, then one line "site: option" a site, in the order of the
/// model's chain. This is the form in which a recipe is handed to other tools and back.
std::string recipe_yaml(const SearchSpace& space, const Recipe& recipe);

}  // namespace pare::search
