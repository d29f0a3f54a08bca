// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "search/algorithm/search_algorithm.hpp"
#include "search/objective/objective.hpp"
#include "search/objective/trial.hpp"
#include "search/objective/verdict.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

/// Who stands in the final: the algorithm's finalists, then the uniform recipes and mixtures of about the same bytes; no
/// recipe twice.
std::vector<Finalist> final_field(const SearchSpace& space, const Budget& budget, std::vector<Finalist> finalists);

/// The same for several budgets, those with the most bytes first: everybody's, with the bits of the budget behind the
/// name of a recipe that was searched for.
std::vector<Finalist> final_field(const SearchSpace& space, const std::vector<Budget>& budgets,
                                  const std::vector<std::vector<Finalist>>& finalists);

/// The held-out measurement of a recipe as a row of the final table.
Contestant make_contestant(const SearchSpace& space, const Budget& budget, const std::string& name, const Trial& trial);

/// Contestants in the order of the field, and the winner: the algorithm's best finalist, unless one that fits did
/// better on the held-out windows by the objective. `trials` are the held-out trials of the field, in its order.
Verdict judge(const SearchSpace& space, const Budget& budget, const Objective& objective,
              std::span<const Finalist> field, std::span<const Trial> trials);

/// The verdict under the first budget, and of each budget who won it. EXPECTs that somebody fits each.
Verdict judge(const SearchSpace& space, const std::vector<Budget>& budgets, const Objective& objective,
              std::span<const Finalist> field, std::span<const Trial> trials);

}  // namespace pare::search
