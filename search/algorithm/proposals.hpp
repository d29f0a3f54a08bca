// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "search/algorithm/loss_model.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

/// Recipes within the budget that may be better than the model's point, each once, the point not among them.

/// Integer programmes on the expected effects, at `radius` changes and its halves down to two, and on `draws` tables
/// drawn from what the model holds possible.
std::vector<Recipe> steps(const SearchSpace& space, const LossModel& model, const Budget& budget, std::size_t radius,
                          int draws, DecisionRandom& random);

/// Smaller and other changes: integer programmes of two to six changes on drawn tables (byte-exact, with as many donors
/// as it takes), a kind or a layer raised and paid by random others, and crossover with the archive's best.
std::vector<Recipe> refinements(const SearchSpace& space, const LossModel& model, const Budget& budget,
                                const std::vector<Recipe>& parents, int draws, DecisionRandom& random);

}  // namespace pare::search
