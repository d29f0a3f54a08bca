// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/space/search_space.hpp"

namespace pare::search {

/// A recipe from what the user names: a YAML file of `site: option` lines that gives every site (as `pare report
/// --recipe` writes it), or the name of one option for every site, or of a mixture (Q4_K_M). Throws InputError naming file, line and the nearest
/// site or option.
Recipe read_recipe(const SearchSpace& space, const std::string& file_or_option);

}  // namespace pare::search
