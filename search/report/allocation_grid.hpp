// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/space/search_space.hpp"

namespace pare::search {

/// How a recipe spends its bytes: one row a layer, one column a kind of site, the option in each cell; bits
/// per weight at the end of each row and column. Where a layer has several sites of a kind, their different
/// options stand in one cell with slashes. Where the names would make lines of more than 110 columns, letters
/// stand for them, explained below.
std::string allocation_grid(const SearchSpace& space, const Recipe& recipe);

}  // namespace pare::search
