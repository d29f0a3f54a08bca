// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "search/store/run_record.hpp"

namespace pare::search {

/// The winner's recipe; with `budget`, bits per weight as the front's table prints them, the winner under that one of
/// several budgets. EXPECTs a verdict. Throws InputError, with the budgets there are, where there is no such one.
const Recipe& chosen_recipe(const RunRecord& record, const std::string& budget);

}  // namespace pare::search
