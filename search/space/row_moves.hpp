// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "search/space/budget.hpp"
#include "search/space/random.hpp"

namespace pare::search {

/// The moves of space/moves.hpp where a budget limits more than bytes. Options that are smaller may then be slower, so
/// a step is a change to any option of the same form, and a recipe is over the budget by its *violation*: what it has
/// too much in each row as a share of the row's limit, summed. Sites marked in `frozen` stay.

/// What a recipe costs in the limited rows of a budget, kept up to date while sites change.
class RowUse {
 public:
  RowUse(const SearchSpace& space, const Budget& budget, Recipe recipe);

  const Recipe& recipe() const { return recipe_; }
  double violation() const;
  /// The violation if a site took that option.
  double violation_with(std::size_t site, std::uint8_t option) const;
  /// How much of what is left an option at a site would take, summed over the rows; what a row is given back counts
  /// nothing. Infinite where it does not fit.
  double share_of_slack(std::size_t site, std::uint8_t option) const;
  void change(std::size_t site, std::uint8_t option);

 private:
  struct Row {
    std::optional<std::size_t> measure;  ///< nothing: bytes
    std::int64_t limit = 0;
    std::int64_t use = 0;
  };
  std::int64_t added(const Row& row, std::size_t site, std::uint8_t option) const;

  const SearchSpace& space_;
  Recipe recipe_;
  std::vector<Row> rows_;
};

/// As repair(): while over the budget, the change with the least local harm for the violation that it removes; one that
/// ends it is taken first. Changes that are not needed in the end are undone.
std::optional<Recipe> repair_rows(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                                  const std::vector<bool>& frozen);
/// As spend(): while some change fits and removes local harm, the one that removes most for its share of what is left.
Recipe spend_rows(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                  const std::vector<bool>& frozen);
/// Changes random sites to random options that lower the violation, until the recipe fits; nothing when none does.
std::optional<Recipe> pay_rows_at_random(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                                         const std::vector<bool>& frozen, DecisionRandom& random);
/// Raises random sites to the next option with more bytes that fits, until none does.
Recipe spend_rows_at_random(const SearchSpace& space, const Budget& budget, const Recipe& recipe,
                            const std::vector<bool>& frozen, DecisionRandom& random);

}  // namespace pare::search
