// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"
#include "search/algorithm/sensitivity.hpp"

namespace pare::search {

struct PareSettings {
  double accept_confidence = 0.95;  ///< paired, one-sided: ends a race before its last rung
  double final_confidence = 0.75;   ///< on all search windows
  double drop_confidence = 0.2;     ///< below it a candidate leaves the race
  double first_share = 0.3;         ///< of the tokens, for the first table of sensitivities
  int refinements = 6;              ///< batches of refinement in a row that may find nothing
};

/// The default algorithm: a sequence of integer programmes in a trust region.
///
///     x = best of the uniform recipes that fit, local-ilp and the problem's start, on a small rung
///     S = sensitivities at x: one site changed at a time                    # one batch, shares prefixes
///     repeat
///       for r in (radius, radius/2, ...): y_r = ILP(S, budget, at most r sites differ from x)
///       race the y_r against x on paired windows, rung by rung; the winner becomes x, and the ratio of
///       measured to predicted
///         gain sets the radius
///       S = sensitivities at x of the neighbouring options; the rest of S is carried over and scaled
///     until no r helps, with S measured on ever more windows
///     refine: integer programmes on S drawn within its error, type-wise and block-wise moves, crossover
///     confirm on all search windows beside uniform, local-ilp and additive-ilp: the best of them is the
///     answer
///
/// Additive scores (HAWQ, AutoQuantize, EXL3) are exact only next to the point where they were measured; the
/// trust region keeps the step where they hold, as in sequential programming (R. Fletcher, S. Leyffer,
/// Mathematical Programming 91, 2002). Tables use other windows than races do as far as there are others, so
/// that noise that the integer programme picked is not picked again. Cost: about 3 x sites small rungs for
/// the first table, 2 x sites for the others.
class Pare final : public ProceduralAlgorithm {
 public:
  explicit Pare(const SearchProblem& problem, const PareSettings& settings = {});

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;
  Procedure choose_start();
  /// Measures swaps at the incumbent on the next block of windows and makes the table. False when the tokens
  /// do not last.
  Procedure sense(SwapChoice choice, bool& done);
  /// One step of the trust region; tries smaller radii until one helps.
  Procedure step(bool& moved);
  Procedure refine(bool& moved);
  Procedure race(std::vector<Recipe> candidates, bool& moved);
  Procedure confirm();

  std::vector<Recipe> refinements(DecisionRandom& random) const;
  double predicted(const Recipe& recipe) const;

  PareSettings settings_;
  std::int64_t rung_ = 1;   ///< windows of a block of sensitivities
  std::int64_t block_ = 0;  ///< the next block's first window
  std::size_t radius_;
  Recipe incumbent_;
  Recipe local_;
  std::optional<Recipe> additive_;
  Sensitivities table_;
  std::string phase_ = "start";
};

}  // namespace pare::search
