// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "framework/comm/process_group.hpp"
#include "search/experiment/experiment.hpp"
#include "search/objective/verdict.hpp"

namespace pare::search {

/// A recipe on the held-out windows beside the full model.
struct RecipeEvaluation {
  Contestant candidate;
  std::int64_t budget_bytes = 0;
  std::int64_t reference_bytes = 0;
  double reference_perplexity = 0;
  std::vector<double> reference_window_nll;    ///< on the same windows
  std::vector<double> reference_window_wrong;  ///< likewise; empty for text
};

/// Rank 0 of `pare evaluate`; `file_or_option` as in read_recipe. Nothing is journalled; text, bank and teacher are
/// cached.
RecipeEvaluation evaluate_recipe(const Experiment& experiment, framework::ProcessGroup& group,
                                 const std::string& file_or_option, bool quiet);

}  // namespace pare::search
