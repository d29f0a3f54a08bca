// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "search/space/budget.hpp"

namespace pare::search {

struct SameAs {
  std::string option;
};  ///< the bytes of that uniform recipe, or of that mixture
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

/// All that one budget asks at once.
struct BudgetRules {
  std::vector<BudgetRule> bytes;  ///< each limits the bytes; empty: they are not limited
  std::optional<double> prefill_seconds;
  std::optional<double> decode_seconds;
  std::optional<std::int64_t> kv_bytes;

  bool limits_more_than_bytes() const { return prefill_seconds || decode_seconds || kv_bytes; }
};

/// The most bytes a recipe may have. Throws InputError when no recipe fits (says the smallest possible, in the rule's
/// own unit and in bytes), when the budget is above the largest recipe (says so: there is nothing to search), or when
/// same_as names an option that is not offered everywhere (says the nearest one), or a mixture that wants others (says
/// which).
std::int64_t resolve_budget(const SearchSpace& space, const BudgetRule& rule);

/// All rules as limits; bytes that nothing limits are those of the largest recipe. The space has the measures that they
/// name. Whether anything fits the rows beyond bytes is not checked (algorithm/feasibility.hpp).
Budget resolve_budget(const SearchSpace& space, const BudgetRules& rules);

}  // namespace pare::search
