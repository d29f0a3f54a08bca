// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "search/algorithm/procedure.hpp"
#include "search/algorithm/search_algorithm.hpp"
#include "search/objective/archive.hpp"
#include "search/objective/race.hpp"
#include "search/space/random.hpp"

namespace pare::search {

/// The frame of every algorithm here: ask() and tell() around a Procedure, the archive of all that was told,
/// and the count of tokens, which no batch can push above the limit.
class ProceduralAlgorithm : public SearchAlgorithm {
 public:
  /// Throws InputError for a problem without sites, windows or a recipe that fits.
  ProceduralAlgorithm(const SearchProblem& problem, std::int64_t default_token_limit);

  void learn(std::span<const Trial> trials) final;
  std::vector<EvaluationRequest> ask() final;
  void tell(std::span<const Trial> trials) final;
  std::int64_t token_limit() const final { return token_limit_; }
  SearchFigures figures() const override { return figures_; }

 protected:
  virtual Procedure run() = 0;

  /// Learns every recipe on [begin, begin + count): asks in one batch for what is not known yet. When the
  /// tokens do not last, for the first recipes only; the archive says which.
  Procedure measure(std::vector<Recipe> recipes, std::int64_t begin, std::int64_t count);
  /// Asks for every recipe on the range, known or not.
  Procedure measure_anew(std::vector<Recipe> recipes, std::int64_t begin, std::int64_t count);

  /// Runs a race to its end, or until the tokens do not last for its next look.
  Procedure race(Race& race);
  /// Windows of the rungs of a race, the last of them all windows.
  const std::vector<std::int64_t>& rungs() const { return rungs_; }

  const SearchProblem& problem() const { return problem_; }
  const SearchSpace& space() const { return *problem_.space; }
  bool fits(const Recipe& recipe) const { return problem_.budget.fits(space(), recipe); }
  const Archive& archive() const { return archive_; }
  /// The same trials, to price changes by: their KL where windows are right or wrong. A change turns few answers, so that
  /// those of some items say next to nothing of what it costs.
  const Archive& prices() const { return kl_archive_ ? *kl_archive_ : archive_; }
  std::int64_t tokens_asked() const { return tokens_asked_; }
  /// Windows of the first `count` that measure() would ask for, of all these recipes together.
  std::int64_t unknown_windows(const std::vector<Recipe>& recipes, std::int64_t count) const;
  /// Recipes that can still be measured on so many windows.
  std::int64_t affordable(std::int64_t windows) const;
  /// Keeps so many tokens out of reach until it is called with less; clears exhausted().
  void hold_back(std::int64_t tokens);
  /// A batch had to be cut, so that going on would measure by halves.
  bool exhausted() const { return exhausted_; }
  /// Windows of a trial for a method that measures all its trials alike: `usual`, halved while the tokens do not pay
  /// for `least` trials, doubled while they pay for `most`.
  std::int64_t trial_windows(std::int64_t usual, std::int64_t least, std::int64_t most) const;
  /// Keeps tokens for confirm(): four recipes on all windows, an eighth of the limit at most.
  void hold_back_for_confirmation();
  /// The last act of such a method: the best four that fit, going by the first `count` windows, are measured on all
  /// windows as far as the tokens held back last, and the best of those becomes the answer.
  Procedure confirm(std::int64_t count, Recipe& answer);
  /// The next decision's own random numbers.
  DecisionRandom next_decision() { return {problem_.seed, decision_++}; }

 private:
  void keep(const Trial& trial);
  void append(const std::vector<EvaluationRequest>& requests, std::vector<EvaluationRequest>& batch);

  SearchProblem problem_;
  std::int64_t token_limit_;
  std::int64_t tokens_asked_ = 0;
  std::int64_t held_back_ = 0;
  bool exhausted_ = false;
  std::uint64_t decision_ = 0;
  std::vector<std::int64_t> rungs_;
  SearchFigures figures_;
  Archive archive_;
  std::optional<Archive> kl_archive_;  ///< where the objective is accuracy
  Procedure procedure_;
  bool started_ = false;
  std::size_t awaited_ = 0;
};

/// The last option of every site: what methods that start from the full model take for it.
Recipe richest_recipe(const SearchSpace& space);

/// Largest number of options at a site.
std::size_t most_options(const SearchSpace& space);

/// The windows of the smallest rung of so many: an eighth, at least four where there are four.
std::int64_t smallest_rung(std::int64_t windows);

/// Tokens of two small rungs of every single swap: what the default algorithm and its equal-token rivals may
/// spend.
std::int64_t default_tokens(const SearchProblem& problem);

}  // namespace pare::search
