// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "search/objective/trial.hpp"
#include "search/store/records.hpp"

namespace pare::search {

/// The recipes that no worker could evaluate, and from which trial on.
class PoisonedRecipes {
 public:
  /// Of two entries for a recipe the one that holds earlier counts.
  void add(const Poisoned& poisoned);

  bool has(const Recipe& recipe, std::int64_t trial) const;
  /// The trial of this number, which has failed if its recipe is poisoned by then; else nothing.
  std::optional<Trial> failed_trial(const EvaluationRequest& request, std::int64_t trial) const;

  const std::map<Recipe, Poisoned>& all() const { return recipes_; }

 private:
  std::map<Recipe, Poisoned> recipes_;
};

}  // namespace pare::search
