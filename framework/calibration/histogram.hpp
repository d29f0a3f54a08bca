// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace pare::framework {

/// Counts of the magnitudes |x| of any number of values, in bins of equal width.
///
/// Bin i counts the |x| in [i, i + 1) * bin_width() with bin_width() = range() / bins. The range is a power of two,
/// start_range at first; when a value does not lie below it, the range doubles, by adding neighbouring bins, until it
/// does. Since widths are powers of two, every count is exact and depends neither on the order of the values nor on how
/// they were split over histograms that were merged.
///
/// A value type of 16 KiB; not thread-safe.
class Histogram {
 public:
  static constexpr int bins = 2048;
  static constexpr double default_start_range = 0x1p-24;

  /// Throws InputError unless start_range is a power of two in [2^-100, 2^100].
  explicit Histogram(double start_range = default_start_range);

  /// Throws InputError when a value is not finite; then no value was counted.
  void add(std::span<const float> values);

  /// As if the values of `other` had been added here. Throws InputError unless both started with the same range.
  void merge(const Histogram& other);

  const std::array<std::int64_t, bins>& counts() const { return counts_; }
  double range() const { return range_; }
  double bin_width() const { return range_ / bins; }
  std::int64_t count() const { return count_; }

  /// Exact, over the signed values; +inf and -inf while count() is 0.
  float min() const { return min_; }
  float max() const { return max_; }
  /// The largest |x|, exact; 0 while count() is 0.
  double largest() const;

  /// What restores a histogram: Histogram(start_range(), range(), counts(), min(), max()).
  double start_range() const { return start_range_; }
  /// Throws InputError for parts that no sequence of values gives.
  Histogram(double start_range, double range, const std::array<std::int64_t, bins>& counts, float min, float max);

  bool operator==(const Histogram&) const = default;

 private:
  void widen(double range);

  std::array<std::int64_t, bins> counts_{};
  double start_range_;
  double range_;
  std::int64_t count_ = 0;
  float min_;
  float max_;
};

}  // namespace pare::framework
