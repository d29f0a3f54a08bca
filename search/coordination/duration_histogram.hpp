// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

namespace pare::search {

/// Counts durations in buckets 10 % wide, from a microsecond to eleven days; what lies outside counts in the outermost
/// bucket. Adding is O(1), a quantile O(buckets).
class DurationHistogram {
 public:
  void add(double seconds);

  std::int64_t count() const { return count_; }
  /// Upper edge of the bucket in which the share q (0 < q <= 1) of all durations is reached; 0 when there are none.
  double quantile(double q) const;

 private:
  static constexpr std::size_t buckets = 290;

  std::array<std::int64_t, buckets> counts_{};
  std::int64_t count_ = 0;
};

}  // namespace pare::search
