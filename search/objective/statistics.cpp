// SPDX-License-Identifier: Apache-2.0
#include "search/objective/statistics.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <vector>

#include "kernels/core/contract.hpp"

namespace pare::search {

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

double confidence_that_less(std::span<const double> a, std::span<const double> b) {
  const Estimate difference = paired_difference(a, b);
  if (a.size() < 2) return 0.5;
  if (difference.stderr_of_mean == 0) {
    if (difference.mean == 0) return 0.5;
    return difference.mean < 0 ? 1 : 0;
  }
  const boost::math::students_t distribution(static_cast<double>(a.size() - 1));
  return boost::math::cdf(distribution, -difference.mean / difference.stderr_of_mean);
}

double interval_half_width(const Estimate& estimate, std::size_t n, double confidence) {
  EXPECT(confidence > 0 && confidence < 1, "confidence ", confidence);
  if (n < 2) return 0;
  const boost::math::students_t distribution(static_cast<double>(n - 1));
  return boost::math::quantile(distribution, 0.5 + confidence / 2) * estimate.stderr_of_mean;
}

}  // namespace pare::search
