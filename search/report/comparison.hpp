// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include "search/objective/window_loss.hpp"
#include "search/store/run_record.hpp"

namespace pare::search {

/// The winner beside a contestant that a user would have taken without a search.
struct OverBaseline {
  std::size_t baseline = 0;  ///< index into Verdict::contestants
  double ratio = 0;          ///< held-out loss of the winner / of the baseline
  double difference = 0;     ///< winner - baseline, by the objective
  double half_width = 0;     ///< of the two-sided 95 % interval of the difference (Student's t over windows)
  double kl_ratio = 0;       ///< the same three of the mean KL, whatever the objective
  double kl_difference = 0;
  double kl_half_width = 0;
};

/// With the best contestant that gives every site the same option and fits the budget. Nothing without a verdict, or when
/// none fits and could be measured.
std::optional<OverBaseline> compare_with_uniform(const RunRecord& record);
/// Whether a contestant does so, measured or not.
bool a_uniform_recipe_fits(const RunRecord& record);

/// The same with the best mixture of llama.cpp that fits.
std::optional<OverBaseline> compare_with_mixture(const RunRecord& record);

/// A difference of losses with the half-width of its two-sided 95 % interval (Student's t over windows).
struct LossDifference {
  double mean = 0;
  double half_width = 0;
};

/// a - b by the objective, paired over the held-out windows.
LossDifference loss_difference(const Objective& objective, const Contestant& a, const Contestant& b);

/// How many held-out windows an interval of the loss stands on: in the worst domain at least as many as in the smallest.
std::size_t samples_of_loss(const Objective& objective, std::size_t windows);

/// By the objective, on the held-out windows.
Estimate loss_of(const RunRecord& record, const Contestant& contestant);

}  // namespace pare::search
