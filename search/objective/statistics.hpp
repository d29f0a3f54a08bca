// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace pare::search {

/// Mean of per-window values with the standard error of the mean (sample standard deviation over windows / sqrt(n);
/// windows, not tokens, are the samples; 0 for n = 1). Sums run in window order.
struct Estimate {
  double mean = 0;
  double stderr_of_mean = 0;
};

Estimate estimate(std::span<const double> values);

/// Estimate of a - b over the same windows. EXPECTs equal sizes.
Estimate paired_difference(std::span<const double> a, std::span<const double> b);

/// Estimate of a - b over different windows.
Estimate unpaired_difference(std::span<const double> a, std::span<const double> b);

/// One-sided confidence that mean(a - b) < 0, from Student's t with n - 1 degrees of freedom; 0.5 when nothing is
/// known (n < 2).
double confidence_that_less(std::span<const double> a, std::span<const double> b);

/// The same over different windows, from Welch's test (B. L. Welch, Biometrika 34, 1947); 0.5 when either has fewer
/// than two.
double confidence_that_less_unpaired(std::span<const double> a, std::span<const double> b);

/// Half-width of the two-sided interval of the given confidence (for example 0.95) around an estimate over n windows.
double interval_half_width(const Estimate& estimate, std::size_t n, double confidence);

}  // namespace pare::search
