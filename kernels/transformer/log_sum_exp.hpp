// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/core/exp.hpp"

namespace pare::kernels::detail {

/// log(sum(exp(x))) of values that arrive in runs (Milakov & Gimelshein 2018). Inside a run the exponentials
/// are summed in sixteen binary32 lanes; runs are added in binary64, in the order they come.
class LogSumExp {
 public:
  void add(const float* x, std::int64_t count) {
    constexpr float lowest = -std::numeric_limits<float>::infinity();
    const std::int64_t whole = count / lane_count * lane_count;
    Lanes run_highest = splat(lowest);
    for (std::int64_t i = 0; i < whole; i += lane_count) run_highest = max(load(x + i), run_highest);
    if (whole < count) run_highest = max(load_some(x + whole, count - whole, lowest), run_highest);
    if (const float highest = largest(run_highest); highest > highest_) {
      sum_ *= std::exp(double{highest_} - double{highest});
      highest_ = highest;
    }
    Lanes run_sum = {};
    for (std::int64_t i = 0; i < whole; i += lane_count) run_sum += exp(load(x + i) - highest_);
    if (whole < count) run_sum += exp(load_some(x + whole, count - whole, lowest) - highest_);
    sum_ += kernels::sum(low_half(run_sum) + high_half(run_sum));
  }

  double value() const { return double{highest_} + std::log(sum_); }

 private:
  float highest_ = -std::numeric_limits<float>::infinity();
  double sum_ = 0.0;
};

}  // namespace pare::kernels::detail
