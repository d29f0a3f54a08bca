// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "framework/config/config_view.hpp"
#include "search/space/budget_rule.hpp"

namespace pare::search {

/// `budget`: limits, a list of such, or limits with a front; at least one. All throw InputError with the place of what is
/// wrong.
std::vector<BudgetRules> read_budgets(const framework::ConfigView& view);

/// An entry of `compare.budgets`: exactly one rule for the bytes, and no other limit.
BudgetRule read_size(const framework::ConfigView& view);

}  // namespace pare::search
