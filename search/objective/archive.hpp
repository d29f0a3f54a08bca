// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "search/objective/statistics.hpp"
#include "search/objective/trial.hpp"
#include "search/objective/window_loss.hpp"

namespace pare::search {

/// What is known of every recipe, window by window, on the search windows. The memory of an algorithm:
/// nothing told is lost, ranges of windows told in pieces are one range, and two recipes are compared on the
/// windows they share. Recipes stay in the order of their first trial, so that every answer depends on the
/// trials alone. Lookup O(log recipes); not thread-safe.
class Archive {
 public:
  /// `loss`: what a window counts, and how windows become one number; the mean of KL by default.
  explicit Archive(std::int64_t windows, WindowLoss loss = {});

  /// EXPECTs search windows in range and as many values as were asked for.
  void add(const Trial& trial);

  std::size_t size() const { return entries_.size(); }
  const Recipe& recipe(std::size_t index) const { return entries_[index].recipe; }

  /// Is every window of [begin, begin + count) known?
  bool knows(const Recipe& recipe, std::int64_t begin, std::int64_t count) const;
  /// Requests for the windows of that range that are not known, as few as cover them exactly.
  std::vector<EvaluationRequest> missing(const Recipe& recipe, std::int64_t begin, std::int64_t count) const;
  /// Did a trial of it fail (a loss of +infinity)? Such a recipe is never among the best, is worse than every other by a
  /// comparison on a range, and shares no windows with any.
  bool failed(const Recipe& recipe) const;
  /// How many windows from 0 on are known without a gap.
  std::int64_t known_from_start(const Recipe& recipe) const;

  /// The loss of each window; EXPECTs that all windows of the range are known.
  std::span<const double> values(const Recipe& recipe, std::int64_t begin, std::int64_t count) const;
  Estimate mean(const Recipe& recipe, std::int64_t begin, std::int64_t count) const;

  /// Over all windows known, wherever they lie.
  Estimate mean_known(const Recipe& recipe) const;

  /// On all windows known of both.
  PairedComparison compare(const Recipe& a, const Recipe& b) const;
  /// On a range known of both.
  PairedComparison compare(const Recipe& a, const Recipe& b, std::int64_t begin, std::int64_t count) const;

  /// At most `most` recipes that are known on the whole range and admitted, lowest mean first; ties by age.
  std::vector<Recipe> best(std::size_t most, std::int64_t begin, std::int64_t count,
                           const std::function<bool(const Recipe&)>& admitted) const;

 private:
  struct Entry {
    Recipe recipe;
    std::vector<double> values;  ///< NaN where unknown
    bool failed = false;
  };
  const Entry* find(const Recipe& recipe) const;

  std::int64_t windows_;
  WindowLoss loss_;
  std::vector<Entry> entries_;
  std::map<Recipe, std::size_t> index_;
};

}  // namespace pare::search
