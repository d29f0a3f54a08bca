// SPDX-License-Identifier: Apache-2.0
#include "kernels/quantize/clipped_grid.hpp"

#include <numeric>
#include <vector>

#include "kernels/core/lanes.hpp"
#include "kernels/core/parallel.hpp"
#include "kernels/quantize/quantize_groups.hpp"

namespace pare::kernels {
namespace {

/// A sum over eight lanes.
struct LaneSum {
  HalfDoubleLanes low{};
  HalfDoubleLanes high{};
};

/// The error of the values that round_group and expand make of a group, which is not the scale 0. Sums in a written
/// order, so that the choice does not depend on where a row lies; the lanes that fill up the last registers are 0 and
/// add nothing.
double error_of_group(const float* w, const float* importance, std::int64_t count, const GroupGrid& group, int bits) {
  constexpr float round_to_integer = 0x1.8p23f;
  const float scale = to_float(group.scale);
  const HalfLanes lowest = splat_half(-static_cast<float>(group.zero));
  const HalfLanes highest = splat_half(static_cast<float>((1 << bits) - 1)) + lowest;
  const auto add = [&](std::int64_t i, LaneSum& errors) {
    const HalfLanes x = load_half(w + i, count - i);
    const HalfLanes ratio = x / scale;
    const HalfLanes clamped = ratio > highest ? highest : (ratio < lowest ? lowest : ratio);
    const HalfLanes value = ((clamped + round_to_integer) - round_to_integer) * scale;
    const HalfDoubleLanes low_difference = low_half(x) - low_half(value);
    const HalfDoubleLanes high_difference = high_half(x) - high_half(value);
    if (importance == nullptr) {
      errors.low += low_difference * low_difference;
      errors.high += high_difference * high_difference;
    } else {
      const HalfLanes factor = load_half(importance + i, count - i);
      errors.low += low_difference * low_difference * low_half(factor);
      errors.high += high_difference * high_difference * high_half(factor);
    }
  };
  LaneSum even;
  LaneSum odd;
  for (std::int64_t i = 0; i < count; i += 2 * half_lane_count) {
    add(i, even);
    add(i + half_lane_count, odd);
  }
  const HalfDoubleLanes sums = (even.low + odd.low) + (even.high + odd.high);
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

/// The grid of the range, shrunk by the factor that makes error(grid) least.
template <class Error>
GroupGrid least_error(const GroupRange& range, const Grid& grid, const Error& error_of) {
  GroupGrid best = min_max_grid(range, grid);
  if (best.scale.bits == 0) return best;
  double least = error_of(best);
  for (int candidate = 1; candidate < clip_candidates; ++candidate) {
    const float factor = clip_factor(candidate);
    const GroupGrid tried = min_max_grid({range.min * factor, range.max * factor}, grid);
    if (tried.scale.bits == 0) break;  // the group is so small that the shrunk range is 0
    const double error = error_of(tried);
    if (error < least) {
      least = error;
      best = tried;
    }
  }
  return best;
}

}  // namespace

GroupGrid clipped_grid(const float* w, const float* importance, std::int64_t count, const GroupRange& range,
                       const Grid& grid) {
  return least_error(range, grid,
                     [&](const GroupGrid& tried) { return error_of_group(w, importance, count, tried, grid.bits); });
}

GroupGrid clipped_tensor_grid(MatrixView<const float> weight, const float* importance, const GroupRange& range,
                              const Grid& grid) {
  std::vector<double> errors(static_cast<std::size_t>(weight.rows));
  return least_error(range, grid, [&](const GroupGrid& tried) {
    parallel_for(weight.rows, 4, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r)
        errors[static_cast<std::size_t>(r)] = error_of_group(weight.row(r), importance, weight.cols, tried, grid.bits);
    });
    return std::accumulate(errors.begin(), errors.end(), 0.0);
  });
}

void quantize_clipped(MatrixView<const float> weight, std::span<const float> importance, const Grid& grid,
                      std::span<std::byte> packed) {
  EXPECT(importance.empty() || static_cast<std::int64_t>(importance.size()) == weight.cols, importance.size(),
         " importances for ", weight.cols, " columns");
  for (std::size_t c = 0; c < importance.size(); ++c) {
    VALIDATE(std::isfinite(importance[c]) && importance[c] >= 0.0f, "the importance of column ", c, " is ",
             importance[c], " and cannot weigh an error, it must be finite and not negative");
  }
  if (grid.tensor) {
    detail::quantize_tensor(weight, grid, packed, [&](const GroupRange& range) {
      return clipped_tensor_grid(weight, importance.empty() ? nullptr : importance.data(), range, grid);
    });
    return;
  }
  detail::quantize_groups(weight, grid, packed,
                          [&](std::int64_t r, std::int64_t first, std::int64_t count, const GroupRange& range) {
                            const float* factors = importance.empty() ? nullptr : importance.data() + first;
                            return clipped_grid(weight.row(r) + first, factors, count, range, grid);
                          });
}

}  // namespace pare::kernels
