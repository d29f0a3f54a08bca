// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "search/algorithm/loss_model.hpp"
#include "search/algorithm/procedural_algorithm.hpp"
#include "search/algorithm/screen.hpp"
#include "search/objective/race.hpp"

namespace pare::search {

struct PareSettings {
  double survey_share = 0.13;       ///< of the tokens, for a few changes of the full model
  double group_share = 0.3;         ///< of the tokens: the most that one window of groups may take; else no survey
  double race_share = 0.1;          ///< of the tokens: the most that a race may take, but for its first two windows
  double sense_share = 0.05;        ///< of the tokens, for the changes measured at a point, each time
  double race_confidence = 0.9;     ///< of a race: that its best entrant is not eliminated
  double accept_confidence = 0.95;  ///< paired, one-sided: ends a race before its last rung
  double final_confidence = 0.6;    ///< that the winner is better than the incumbent, to take its place
  double screen_bar = 0.3;          ///< rank correlation below which the surrogate does not choose
  int draws = 24;                   ///< integer programmes on drawn tables, to see what matters
  std::size_t entrants = 6;         ///< challengers of a race
  int patience = 10;                ///< rounds in a row that may find nothing
  LossModelSettings model;
};

/// The default algorithm: a sequence of integer programmes in a trust region, on prices learned from every trial.
///
///     shape = losses of a few single changes of the full model, the rest by local error # the survey: one batch
///     x = best of the largest uniform recipe that fits, local-ilp, additive-ilp = ILP(shape), the problem's start
///     repeat
///       M = LossModel(shape, x) given everything measured so far                       # Bayesian least squares
///       measure at x the single changes that ILPs on draws from M make most often      # what may matter, no more
///       candidates = ILP(mean of M, at most r changes), r = radius, radius/2, ..; ILPs on a few more draws of M;
///         after a round without success also: type-wise and block-wise moves, crossover, ILPs of few changes,
///         screened by M while its predictions rank fresh trials well
///       race them against x, rung by rung; the winner becomes x, measured over predicted gain sets the radius
///     until the tokens are spent, or nothing was found so many times
///     confirm on all search windows beside uniform, local-ilp and additive-ilp: the best of them is the answer
///
/// Additive scores (HAWQ, AutoQuantize, EXL3) are exact only next to the point where they were measured; the trust
/// region keeps the step where they hold, as in sequential programming (R. Fletcher, S. Leyffer, Mathematical
/// Programming 91, 2002). Which changes are worth measuring is asked of draws from the posterior (W. Thompson,
/// Biometrika 25, 1933): a price that cannot change the answer is not measured. Blocks of windows take turns, so that
/// noise that an integer programme picked is not picked again.
///
/// Where tokens do not last for one window of the survey, it asks for groups of sites (algorithm/group_survey); where
/// they would last for fewer than ten whole races, races end sooner, since further candidates are then worth more than
/// what further windows say of those there are.
class Pare final : public ProceduralAlgorithm {
 public:
  explicit Pare(const SearchProblem& problem, const PareSettings& settings = {});

  std::vector<Finalist> finalists() const override;
  SearchFigures figures() const override;
  std::string status() const override;

 private:
  Procedure run() override;
  Procedure survey();
  /// What the survey's share of so many tokens pays for, of so many changes and of the full model beside them.
  std::int64_t survey_windows(std::int64_t tokens, std::size_t swaps) const;
  /// Rungs of a race that the tokens last for; those that were asked for, whatever they cost.
  std::vector<std::int64_t> choose_rungs() const;
  Procedure choose_start();
  /// Measures the changes that matter at the incumbent, on the next block of windows.
  Procedure sense();
  /// One step of the trust region, or of the refinement.
  Procedure step(bool refine, bool& moved);
  Procedure race_against_incumbent(std::vector<Recipe> challengers, const Scores& predicted, bool& moved);
  Procedure confirm();

  LossModel learned() const;
  /// The best of `found`, as many as race.
  std::vector<Recipe> screened(std::vector<Recipe> found, const Scores& predicted, DecisionRandom& random) const;

  PareSettings settings_;
  std::vector<std::int64_t> race_rungs_;  ///< windows, ascending
  std::int64_t rung_;                     ///< windows of a block
  std::int64_t block_ = 0;                ///< the next block's first window
  std::size_t radius_;
  Scores shape_;
  Recipe incumbent_;
  Recipe local_;
  std::optional<Recipe> additive_;
  std::optional<Recipe> start_;  ///< the problem's, made to fit
  std::vector<Recipe> hubs_;     ///< points that changes were measured at, oldest first
  Screen screen_;
  std::string phase_ = "start";
};

}  // namespace pare::search
