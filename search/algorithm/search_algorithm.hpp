// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "search/objective/objective.hpp"
#include "search/objective/search_figures.hpp"
#include "search/objective/trial.hpp"
#include "search/space/budget.hpp"

namespace pare::search {

/// All that an algorithm may know. Decisions depend on this and on what it is told, on nothing else: no clock, no
/// number of workers, no global random numbers. The space must outlive the algorithm.
struct SearchProblem {
  const SearchSpace* space = nullptr;
  Budget budget;
  std::int64_t windows = 0;        ///< search windows there are
  std::int64_t window_length = 0;  ///< tokens a window
  std::uint64_t seed = 1;
  std::int64_t token_limit = 0;  ///< candidate-tokens the algorithm may ask for in all; 0: its own default
  /// Where to begin, for example the answer for a neighbouring budget. It need not fit; an algorithm with a start of its
  /// own may leave it aside.
  std::optional<Recipe> start = std::nullopt;
  std::vector<std::int64_t> rungs = {};  ///< tokens of the rungs of a race; empty: an eighth, a half and all windows
  Objective objective = {};              ///< what is minimized; the mean of KL by default
  std::int64_t front_tokens = 0;  ///< of all searches of a front, which learn of each other's trials; 0: no front
};

/// A recipe worth confirming on held-out windows.
struct Finalist {
  std::string name;  ///< "pare", "additive-ilp", ...
  Recipe recipe;
};

/// Ask and tell. The driver calls ask(), evaluates what was asked (in parallel, in any order), and calls tell() with
/// one trial a request in the order of the requests, until ask() returns nothing. A request for a recipe and window
/// that was asked before costs nothing to run again but still counts as asked.
class SearchAlgorithm {
 public:
  virtual ~SearchAlgorithm() = default;

  /// What earlier searches of the same space and windows were told: it counts as known and costs nothing. Held-out
  /// trials are passed over. Before the first ask() only; the answer depends on these trials, too.
  virtual void learn(std::span<const Trial> trials) = 0;

  virtual std::vector<EvaluationRequest> ask() = 0;
  virtual void tell(std::span<const Trial> trials) = 0;

  /// Best first; at any time, so that a search that is stopped early has an answer. The first one fits the budget.
  virtual std::vector<Finalist> finalists() const = 0;

  /// Candidate-tokens it asks for at most.
  virtual std::int64_t token_limit() const = 0;

  virtual SearchFigures figures() const = 0;

  /// One line for the progress display: the current phase, and the best mean KL so far.
  virtual std::string status() const = 0;
};

/// Names of all algorithms, in alphabetical order.
std::vector<std::string> algorithm_names();

/// Throws InputError for an unknown name, naming the nearest one.
std::unique_ptr<SearchAlgorithm> make_algorithm(const std::string& name, const SearchProblem& problem);

}  // namespace pare::search
