// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "search/objective/trial.hpp"
#include "search/store/records.hpp"

namespace pare::search {

/// Consecutive windows of a set.
struct WindowRange {
  std::int64_t begin = 0;
  std::int64_t count = 0;

  bool operator==(const WindowRange&) const = default;
};

/// Everything measured so far, found by its content: (recipe, window set, window) -> (kl, nll, wrong). The
/// coordinator fills it from the journal and from the workers, and sends out only what is missing; results
/// that overlap are welcome as long as they agree. A lookup costs one hash of the recipe and a copy of the
/// values.
class EvaluationCache {
 public:
  /// Throws InternalError when a window is here already with other bits: the same recipe on the same window
  /// has to give the same result on every worker, so a device, a build or the evaluator is at fault.
  void add(const Result& result);

  /// What of the request has still to be evaluated: the longest possible ranges, ascending; empty when it is
  /// complete.
  std::vector<WindowRange> missing(const EvaluationRequest& request) const;

  /// The values of the request, in window order, once nothing is missing. The trial's id is left to the
  /// caller.
  std::optional<Trial> lookup(const EvaluationRequest& request) const;

  /// Number of different recipes.
  std::size_t recipes() const { return entries_.size(); }
  /// Evaluated windows of one recipe.
  std::int64_t windows(const Recipe& recipe, WindowSet set) const;
  /// Evaluated windows of a set, summed over all recipes.
  std::int64_t windows(WindowSet set) const { return windows_[static_cast<std::size_t>(set)]; }
  /// Those among them that another run had evaluated.
  std::int64_t reused_windows(const Recipe& recipe, WindowSet set) const;
  std::int64_t reused_windows(WindowSet set) const { return reused_[static_cast<std::size_t>(set)]; }

 private:
  struct Value {
    std::int64_t window;
    double kl;
    double nll;
    double wrong;  ///< NaN for text
  };
  using Values = std::vector<Value>;  ///< ascending windows
  using Counts = std::array<std::int64_t, 2>;
  struct Entry {
    std::array<Values, 2> values;  ///< by window set
    Counts reused{};               ///< windows, by window set
  };

  struct RecipeHash {
    std::size_t operator()(const Recipe& recipe) const;
  };

  static Values::const_iterator first_at(const Values& values, std::int64_t window);
  const Values& find(const EvaluationRequest& request) const;

  std::unordered_map<Recipe, Entry, RecipeHash> entries_;
  Counts windows_{};  ///< by window set, summed over recipes
  Counts reused_{};   ///< the same
};

}  // namespace pare::search
