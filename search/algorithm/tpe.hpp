// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "search/algorithm/procedural_algorithm.hpp"

namespace pare::search {

struct TpeSettings {
  std::int64_t start_up = 32;   ///< random trials before the first model; a quarter of all trials at most
  double good_share = 0.1;      ///< gamma; Optuna's
  std::size_t most_good = 25;   ///< Optuna's and hyperopt's
  std::size_t candidates = 24;  ///< drawn from l(x) for one trial; hyperopt's
  std::size_t batch = 8;        ///< trials a model, so that workers have something to share
  double prior = 1;             ///< weight of the uniform prior, in trials; hyperopt's
};

/// Share of every option at every site among the recipes [first, last), the prior counted in.
std::vector<std::vector<double>> option_shares(const SearchSpace& space, const std::vector<Recipe>& recipes,
                                               std::size_t first, std::size_t last, double prior);

/// Tree-structured Parzen estimator (J. Bergstra, R. Bardenet, Y. Bengio, B. Kegl, NIPS 2011), with one
/// categorical estimator a site, as a rival: what Optuna and hyperopt would do with the same space.
///
///     the uniform recipes that fit and random ones near the budget                           # start-up
///     repeat
///       the best tenth of all trials (25 at most) makes l, the others g: shares of the options at every site
///       eight trials: of 24 recipes drawn from l, each brought to the budget, the one with the greatest l/g
///     the best four on all windows: the best of them is the answer
///
/// A recipe drawn above the budget is lowered where the local error grows least, one below it raised where it
/// falls most, and l/g is that of the outcome, which is what gets measured. Recipes seen before do not count
/// among the 24; the search ends early when 2,400 draws bring none that is new, for any of the eight. All trials of a
/// run are measured on the same first windows (an eighth of all by default).
class Tpe final : public ProceduralAlgorithm {
 public:
  explicit Tpe(const SearchProblem& problem, const TpeSettings& settings = {});

  std::vector<Finalist> finalists() const override;
  std::string status() const override;

 private:
  Procedure run() override;
  std::vector<Recipe> start_up();
  std::vector<Recipe> propose();

  TpeSettings settings_;
  std::int64_t windows_ = 1;
  std::set<Recipe> asked_;
  Recipe answer_;
};

}  // namespace pare::search
