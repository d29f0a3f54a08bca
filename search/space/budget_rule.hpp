// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "search/space/search_space.hpp"

namespace pare::search {

struct SameAs {
  std::string option;
};  ///< the bytes of that uniform recipe
struct BitsPerWeight {
  double bits = 0;
};  ///< over the searched weights, scales and zero points counted
struct Bytes {
  std::int64_t bytes = 0;
};  ///< of the searched weights
struct Ratio {
  double ratio = 0;
};  ///< of the searched weights' bytes in the checkpoint

using BudgetRule = std::variant<SameAs, BitsPerWeight, Bytes, Ratio>;

/// The most bytes a recipe may have. Throws InputError when no recipe fits (says the smallest possible, in the rule's
/// own unit and in bytes), when the budget is above the largest recipe (says so: there is nothing to search), or when
/// same_as names an option that is not offered everywhere (says the nearest one).
std::int64_t resolve_budget(const SearchSpace& space, const BudgetRule& rule);

}  // namespace pare::search
