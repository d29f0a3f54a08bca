// SPDX-License-Identifier: Apache-2.0
#include "search/coordination/duration_histogram.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

constexpr double shortest = 1e-6;
constexpr double growth = 1.1;

}  // namespace

void DurationHistogram::add(double seconds) {
  const double bucket = seconds > shortest ? std::ceil(std::log(seconds / shortest) / std::log(growth)) : 0.0;
  ++counts_[static_cast<std::size_t>(std::min(bucket, static_cast<double>(buckets - 1)))];
  ++count_;
}

double DurationHistogram::quantile(double q) const {
  EXPECT(q > 0 && q <= 1, q);
  if (count_ == 0) return 0;
  const double wanted = q * static_cast<double>(count_);
  std::int64_t sum = 0;
  std::size_t bucket = 0;
  while (bucket + 1 < buckets && static_cast<double>(sum += counts_[bucket]) < wanted) ++bucket;
  return shortest * std::pow(growth, static_cast<double>(bucket));
}

}  // namespace pare::search
