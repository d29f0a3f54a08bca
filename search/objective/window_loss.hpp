// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "search/objective/objective.hpp"
#include "search/objective/statistics.hpp"
#include "search/objective/trial.hpp"

namespace pare::search {

/// Two recipes on the windows both were measured on.
struct PairedComparison {
  Estimate difference;      ///< a - b
  double confidence = 0.5;  ///< that a is less
  std::int64_t windows = 0;
};

/// The objective on one set of windows: what a window counts, and how windows become the number that is minimized.
///
/// Combine::mean: the mean over windows; two recipes are compared by their paired differences.
///
/// Combine::worst: the mean of the domain that is worst (has the largest mean) among the windows at hand; with them a
/// recipe's worst domain may change. That a is less than b means: in every domain, a is below what b has in its worst
/// one, d. So the confidence is the least over domains of a one-sided t-test of a there against b in d: paired in d, where
/// the windows are the same, Welch's elsewhere. Each of the tests holds at its level, and all of them have to pass, so
/// that the whole does not err more often than one (an intersection-union test, R. L. Berger, Technometrics 24, 1982). A
/// domain without windows takes no part.
///
/// Immutable. Windows whose value is NaN are unknown and passed over.
class WindowLoss {
 public:
  /// The mean of KL.
  WindowLoss() = default;
  WindowLoss(const Objective& objective, WindowSet set);

  /// One value a window, less is better; of a failed trial +infinity.
  std::vector<double> values(const Trial& trial) const { return values(trial.kl, trial.nll, trial.wrong); }
  /// Of an item 0 or 1, and, so that recipes with equally many right answers differ, a ten-thousandth of KL / (1 + KL).
  std::vector<double> values(const std::vector<double>& kl, const std::vector<double>& nll,
                             const std::vector<double>& wrong) const;

  /// Of the windows from `first` on; all zero where none is known.
  Estimate mean(std::span<const double> values, std::int64_t first) const;
  /// The same windows of two recipes; nothing is known where they share none.
  PairedComparison compare(std::span<const double> a, std::span<const double> b, std::int64_t first) const;

 private:
  using Split = std::vector<std::vector<double>>;
  /// By domain, without the windows that are NaN in `values` or in `other`.
  Split split(std::span<const double> values, std::span<const double> other, std::int64_t first) const;

  Metric metric_ = Metric::kl;
  std::vector<std::uint16_t> domains_;  ///< of each window; empty: all one
  std::size_t domain_count_ = 1;
};

}  // namespace pare::search
