// SPDX-License-Identifier: Apache-2.0
#include "search/objective/statistics.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <vector>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

double confidence_below_zero(const Estimate& difference, double degrees_of_freedom) {
  // What failed has infinite losses: it is never less than what did not, and no less than what failed, too.
  if (std::isnan(difference.mean)) return 0.5;
  if (std::isinf(difference.mean)) return difference.mean < 0 ? 1 : 0;
  if (difference.stderr_of_mean == 0) {
    if (difference.mean == 0) return 0.5;
    return difference.mean < 0 ? 1 : 0;
  }
  const boost::math::students_t distribution(degrees_of_freedom);
  return boost::math::cdf(distribution, -difference.mean / difference.stderr_of_mean);
}

}  // namespace

Estimate estimate(std::span<const double> values) {
  const std::size_t n = values.size();
  if (n == 0) return {};
  double sum = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(n);
  if (n == 1) return {mean, 0};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double variance = squares / static_cast<double>(n - 1);
  return {mean, std::sqrt(variance / static_cast<double>(n))};
}

Estimate paired_difference(std::span<const double> a, std::span<const double> b) {
  EXPECT(a.size() == b.size(), "paired windows: ", a.size(), " against ", b.size());
  std::vector<double> difference(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] = a[i] - b[i];
  return estimate(difference);
}

Estimate unpaired_difference(std::span<const double> a, std::span<const double> b) {
  const Estimate of_a = estimate(a);
  const Estimate of_b = estimate(b);
  return {of_a.mean - of_b.mean, std::hypot(of_a.stderr_of_mean, of_b.stderr_of_mean)};
}

double confidence_that_less(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2) return 0.5;
  return confidence_below_zero(paired_difference(a, b), static_cast<double>(a.size() - 1));
}

double confidence_that_less_unpaired(std::span<const double> a, std::span<const double> b) {
  if (a.size() < 2 || b.size() < 2) return 0.5;
  const double error_a = std::pow(estimate(a).stderr_of_mean, 2);
  const double error_b = std::pow(estimate(b).stderr_of_mean, 2);
  const double share_a = error_a * error_a / static_cast<double>(a.size() - 1);
  const double share_b = error_b * error_b / static_cast<double>(b.size() - 1);
  const double freedom = share_a + share_b > 0 ? std::pow(error_a + error_b, 2) / (share_a + share_b) : 1;
  return confidence_below_zero(unpaired_difference(a, b), freedom);
}

double interval_half_width(const Estimate& estimate, std::size_t n, double confidence) {
  EXPECT(confidence > 0 && confidence < 1, "confidence ", confidence);
  if (n < 2) return 0;
  const boost::math::students_t distribution(static_cast<double>(n - 1));
  return boost::math::quantile(distribution, 0.5 + confidence / 2) * estimate.stderr_of_mean;
}

}  // namespace pare::search
