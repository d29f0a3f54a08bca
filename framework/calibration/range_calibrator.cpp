// SPDX-License-Identifier: Apache-2.0
#include "framework/calibration/range_calibrator.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "framework/config/near_name.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr std::array<std::pair<RangeMethod, std::string_view>, 5> names{{
    {RangeMethod::min_max, "minmax"},
    {RangeMethod::moving_average, "moving-average"},
    {RangeMethod::percentile, "percentile"},
    {RangeMethod::mean_squared_error, "mse"},
    {RangeMethod::entropy, "entropy"},
}};

double moving_average(std::span<const float> window_maxima, double averaging) {
  double range = window_maxima[0];
  for (const float maximum : window_maxima.subspan(1)) range += averaging * (maximum - range);
  return range;
}

double percentile_range(const Histogram& histogram, double percentile) {
  const double wanted = percentile / 100.0 * static_cast<double>(histogram.count());
  std::int64_t below = 0;
  int bin = 0;
  while (bin < Histogram::bins) {
    below += histogram.counts()[static_cast<std::size_t>(bin++)];
    if (static_cast<double>(below) >= wanted) break;
  }
  return std::min(bin * histogram.bin_width(), histogram.largest());
}

/// The integral from 0 to x >= 0 of (t - q(t))^2, q rounding to multiples of `step` up to 127. The cell of code k is
/// [k - 1/2, k + 1/2] * step and contributes step^3 / 12; the last one goes on for ever.
double integrated_error(double x, double step) {
  const double code = std::min(std::floor(x / step + 0.5), 127.0);
  const double rest = x - code * step;
  return code * step * step * step / 12.0 + rest * rest * rest / 3.0;
}

double least_squares_range(const Histogram& histogram) {
  constexpr int candidates = 256;
  const double width = histogram.bin_width();
  double best = histogram.largest();
  double least = std::numeric_limits<double>::infinity();
  for (int i = candidates; i >= 1; --i) {
    const double range = histogram.largest() * i / candidates;
    const double step = range / 127.0;
    double error = 0.0;
    double below = 0.0;
    for (int bin = 0; bin < Histogram::bins; ++bin) {
      const double above = integrated_error((bin + 1) * width, step);
      error += static_cast<double>(histogram.counts()[static_cast<std::size_t>(bin)]) * (above - below);
      below = above;
    }
    if (error < least) {
      least = error;
      best = range;
    }
  }
  return best;
}

/// Sums over the bins before each bin: what one level needs is then two differences.
struct PrefixSums {
  explicit PrefixSums(const Histogram& histogram) {
    for (std::size_t bin = 0; bin < Histogram::bins; ++bin) {
      const auto count = static_cast<double>(histogram.counts()[bin]);
      counts[bin + 1] = counts[bin] + count;
      used[bin + 1] = used[bin] + (count > 0.0 ? 1.0 : 0.0);
      count_logs[bin + 1] = count_logs[bin] + (count > 0.0 ? count * std::log(count) : 0.0);
    }
  }

  std::array<double, Histogram::bins + 1> counts{};
  std::array<double, Histogram::bins + 1> used{};
  std::array<double, Histogram::bins + 1> count_logs{};
};

/// sum P log(P / Q) for the first `bins` bins, with P and Q as the header defines them. With counts p, q before
/// normalisation, of totals N and n: (sum p log p - sum p log q) / N + log(n / N).
double divergence(const PrefixSums& sums, std::size_t bins) {
  constexpr std::size_t levels = 128;
  const double total = sums.counts[Histogram::bins];
  const double kept = sums.counts[bins];
  const double outliers = total - kept;
  const double last = sums.counts[bins] - sums.counts[bins - 1];
  if (kept == 0.0 || (outliers > 0.0 && last == 0.0)) return std::numeric_limits<double>::infinity();
  double p_log_p = sums.count_logs[bins];
  if (outliers > 0.0) p_log_p = sums.count_logs[bins - 1] + (last + outliers) * std::log(last + outliers);
  double p_log_q = 0.0;
  for (std::size_t level = 0; level < levels; ++level) {
    const std::size_t begin = level * bins / levels;
    const std::size_t end = (level + 1) * bins / levels;
    const double count = sums.counts[end] - sums.counts[begin];
    const double used = sums.used[end] - sums.used[begin];
    if (count > 0.0) p_log_q += (count + (end == bins ? outliers : 0.0)) * std::log(count / used);
  }
  return (p_log_p - p_log_q) / total + std::log(kept / total);
}

double entropy_range(const Histogram& histogram) {
  constexpr std::size_t fewest_bins = 128;
  const PrefixSums sums(histogram);
  std::size_t bins = Histogram::bins;
  while (bins > fewest_bins && histogram.counts()[bins - 1] == 0) --bins;
  std::size_t best = bins;
  double least = std::numeric_limits<double>::infinity();
  for (; bins >= fewest_bins; --bins) {
    const double found = divergence(sums, bins);
    if (found < least) {
      least = found;
      best = bins;
    }
  }
  return std::min(static_cast<double>(best) * histogram.bin_width(), histogram.largest());
}

}  // namespace

std::string_view to_text(RangeMethod method) {
  return std::find_if(names.begin(), names.end(), [&](const auto& entry) { return entry.first == method; })->second;
}

RangeMethod parse_range_method(std::string_view text) {
  std::string all;
  std::vector<std::string> known;
  for (const auto& [method, name] : names) {
    if (name == text) return method;
    known.emplace_back(name);
    all += (all.empty() ? "" : ", ") + known.back();
  }
  throw InputError(pare::detail::concatenate("there is no range method '", text, "'", did_you_mean(text, known),
                                             " (there are ", all, ")"));
}

double calibrate_range(RangeMethod method, const Histogram& histogram, std::span<const float> window_maxima,
                       const RangeSettings& settings, std::string_view what) {
  const bool averages = method == RangeMethod::moving_average;
  VALIDATE(averages ? !window_maxima.empty() : histogram.count() > 0, what,
           " saw no values, a static range needs calibration data that reach it");
  if (histogram.largest() == 0.0 && !averages) return 0.0;
  switch (method) {
    case RangeMethod::min_max:
      return histogram.largest();
    case RangeMethod::moving_average:
      VALIDATE(settings.averaging > 0.0 && settings.averaging <= 1.0, "a moving average cannot give a new window the ",
               "weight ", settings.averaging, ", it must be above 0 and at most 1");
      return moving_average(window_maxima, settings.averaging);
    case RangeMethod::percentile:
      VALIDATE(settings.percentile > 0.0 && settings.percentile <= 100.0, "there is no percentile ",
               settings.percentile, ", it must be above 0 and at most 100");
      return percentile_range(histogram, settings.percentile);
    case RangeMethod::mean_squared_error:
      return least_squares_range(histogram);
    case RangeMethod::entropy:
      return entropy_range(histogram);
  }
  throw InternalError("a range method without a rule");
}

}  // namespace pare::framework
