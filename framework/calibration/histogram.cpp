// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/core/contract.hpp"

namespace pare::framework {

Histogram::Histogram(double start_range)
    : start_range_(start_range),
      range_(start_range),
      min_(std::numeric_limits<float>::infinity()),
      max_(-std::numeric_limits<float>::infinity()) {
  int exponent = 0;
  VALIDATE(start_range >= 0x1p-100 && start_range <= 0x1p100 && std::frexp(start_range, &exponent) == 0.5,
           "a histogram cannot start with the range ", start_range, ", it must be a power of two from 2^-100 to 2^100");
}

Histogram::Histogram(double start_range, double range, const std::array<std::int64_t, bins>& counts, float min,
                     float max)
    : Histogram(start_range) {
  int exponent = 0;
  VALIDATE(range >= start_range && range <= 0x1p200 && std::frexp(range, &exponent) == 0.5,
           "a histogram cannot have the range ", range);
  for (const std::int64_t count : counts) {
    constexpr auto most = std::int64_t{1} << 50;  // so that the sum of all bins cannot overflow
    VALIDATE(count >= 0 && count <= most, "a bin of a histogram cannot hold ", count, " values");
    count_ += count;
  }
  counts_ = counts;
  range_ = range;
  min_ = min;
  max_ = max;
}

double Histogram::largest() const {
  return count_ == 0 ? 0.0 : std::max(std::abs(double{min_}), std::abs(double{max_}));
}

/// Each doubling adds bins 2 i and 2 i + 1 to the new bin i.
void Histogram::widen(double range) {
  for (; range_ < range; range_ *= 2.0) {
    for (std::size_t i = 0; i < bins / 2; ++i) counts_[i] = counts_[2 * i] + counts_[2 * i + 1];
    std::fill(counts_.begin() + bins / 2, counts_.end(), 0);
  }
}

void Histogram::add(std::span<const float> values) {
  float lowest = min_;
  float highest = max_;
  for (std::size_t i = 0; i < values.size(); ++i) {
    VALIDATE(std::isfinite(values[i]), "value ", i, " is ", values[i],
             " and has no place in a histogram, values must be finite");
    lowest = std::min(lowest, values[i]);
    highest = std::max(highest, values[i]);
  }
  if (values.empty()) return;
  double range = range_;
  while (range <= std::max(std::abs(double{lowest}), std::abs(double{highest}))) range *= 2.0;
  widen(range);
  min_ = lowest;
  max_ = highest;
  count_ += static_cast<std::int64_t>(values.size());
  // A power of two in [2^-117, 2^111]: products are exact, or so small that they belong to bin 0 anyway.
  const auto bins_per_unit = static_cast<float>(bins / range_);
  for (const float value : values) ++counts_[static_cast<std::size_t>(std::abs(value) * bins_per_unit)];
}

void Histogram::merge(const Histogram& other) {
  VALIDATE(start_range_ == other.start_range_, "histograms that started with the ranges ", start_range_, " and ",
           other.start_range_, " cannot be merged, they must start with the same one");
  widen(other.range_);
  Histogram widened = other;
  widened.widen(range_);
  for (std::size_t i = 0; i < bins; ++i) counts_[i] += widened.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

}  // namespace pare::framework
