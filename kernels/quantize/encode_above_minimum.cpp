// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>

#include "kernels/core/contract.hpp"
#include "kernels/quantize/encode_block.hpp"
#include "kernels/quantize/level_search.hpp"

/// Blocks of 8 runs of 32 or 16 runs of 16 weights: x ~ d s_j q - dmin m_j, with small integers s_j, m_j >= 0 and
/// codes q in [0, highest].

namespace pare::kernels {
namespace {

constexpr std::size_t most_runs = 16;

/// A run rounded with one scale and minimum, and the sums that a refit needs.
struct Fit {
  float scale = 0.0f;
  float minimum = 0.0f;
  float error = std::numeric_limits<float>::infinity();
  float q = 0.0f;   ///< sum of weight q
  float qq = 0.0f;  ///< sum of weight q^2
  float qx = 0.0f;  ///< sum of weight q x
};

template <int halves>
struct WeighedRun : Run<halves> {
  WeighedRun() = default;
  WeighedRun(const float* x_, const float* weight_) : Run<halves>(x_, weight_) {
    RunSum all;
    RunSum all_x;
    for (int h = 0; h < halves; ++h) {
      all.add(h, this->weight[h]);
      all_x.add(h, this->weight[h] * this->x[h]);
    }
    total = all.total();
    total_x = all_x.total();
    lowest = *std::min_element(x_, x_ + half_lane_count * halves);
    highest = *std::max_element(x_, x_ + half_lane_count * halves);
  }

  float total = 0.0f;    ///< sum of weight
  float total_x = 0.0f;  ///< sum of weight x
  float lowest = 0.0f;
  float highest = 0.0f;
};

template <int highest, int halves>
Fit fit(const WeighedRun<halves>& run, float scale, float minimum) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  RunSum error;
  RunSum q_sum;
  RunSum qq;
  RunSum qx;
  for (int h = 0; h < halves; ++h) {
    const HalfLanes q = round_within((run.x[h] + minimum) * inverse, 0.0f, highest);
    const HalfLanes miss = run.x[h] + minimum - q * scale;
    const HalfLanes weighted = run.weight[h] * q;
    error.add(h, run.weight[h] * miss * miss);
    q_sum.add(h, weighted);
    qq.add(h, weighted * q);
    qx.add(h, weighted * run.x[h]);
  }
  return {scale, minimum, error.total(), q_sum.total(), qq.total(), qx.total()};
}

struct Line {
  float scale;
  float minimum;
};

/// The scale >= 0 and minimum >= 0 with the least error for the codes of `at`.
template <int halves>
Line refit(const WeighedRun<halves>& run, const Fit& at) {
  const double determinant = double{at.qq} * run.total - double{at.q} * at.q;
  if (determinant > 1e-6 * double{at.qq} * run.total) {
    const double scale = (double{at.qx} * run.total - double{at.q} * run.total_x) / determinant;
    const double minimum = (double{at.q} * at.qx - double{at.qq} * run.total_x) / determinant;
    if (scale >= 0.0 && minimum >= 0.0) return {static_cast<float>(scale), static_cast<float>(minimum)};
  }
  return {at.qq > 0.0f ? std::max(0.0f, at.qx / at.qq) : 0.0f, 0.0f};
}

/// The best scale and minimum of one run alone, as real numbers.
template <int highest, int halves>
Fit search(const WeighedRun<halves>& run, const Fan& fan) {
  Fit best = fit<highest>(run, 0.0f, std::max(0.0f, -run.total_x / run.total));
  const auto consider = [&](const Line& line) {
    const Fit found = fit<highest>(run, line.scale, line.minimum);
    const bool better = found.error < best.error;
    if (better) best = found;
    return std::pair{better, refit(run, found)};
  };
  const float minimum = std::max(0.0f, -run.lowest);
  const float range = run.highest + minimum;
  if (!(range > 0.0f)) return best;
  for_each_stretch(fan, extremes_of(run, run.total_x / run.total).ratio(), [&](float stretch) {
    const float scale = range / (highest * stretch);
    // What a finer scale clips is shared between both ends, or left to one of them.
    const float clipped = range - scale * highest;
    for (const float share : {0.0f, 0.5f, 1.0f}) {
      Line line = consider({scale, std::max(0.0f, minimum - share * clipped)}).second;
      line = consider(line).second;
      consider(line);
    }
  });
  constexpr int most_rounds = 4;
  for (int round = 0; round < most_rounds && consider(refit(run, best)).first; ++round) continue;
  return best;
}

/// One choice of d and dmin and what follows from it.
struct Choice {
  Float16 d{};
  Float16 dmin{};
  std::array<std::int8_t, most_runs> scales{};
  std::array<std::uint8_t, most_runs> minimums{};
  double error = std::numeric_limits<double>::infinity();
  double better_d = 0.0;  ///< least squares for these scales, minimums and codes
  double better_dmin = 0.0;
};

/// How far choose() looks around: of the two integers next to the wanted one, and so many more on either side.
struct Reach {
  int scales;
  int minimums;
};

/// The search for one block: every run alone; then d, then dmin, from a few starts around those that make the largest
/// scale and minimum the highest integer; then both refitted to all that was chosen, until that improves no more.
template <int highest, int halves, int integers>
class Search {
 public:
  Search(const float* x, const float* weight, const Fan& fan) {
    for (std::size_t j = 0; j < runs; ++j) {
      run_[j] = WeighedRun<halves>(x + run_length * j, weight + run_length * j);
      ideal_[j] = search<highest>(run_[j], fan);
      scale_ = std::max(scale_, ideal_[j].scale);
      minimum_ = std::max(minimum_, ideal_[j].minimum);
    }
  }

  void encode(BlockFields& fields) {
    Choice best;
    const auto consider = [&](double d, double dmin, const Reach& reach) {
      const Choice choice = choose(d, dmin, reach);
      const bool better = choice.error < best.error;
      if (better) best = choice;
      return better;
    };
    const double d = scale_ / double{integers};
    const double dmin = minimum_ / double{integers};
    constexpr double parts[] = {1.0, 0.97, 1.03, 0.94, 1.06, 0.9, 0.85, 0.8, 0.7};
    for (const double part : parts) consider(d * part, dmin, {0, 0});
    const double best_d = to_float(best.d);
    for (const double part : parts) consider(best_d, dmin * part, {0, 0});
    constexpr int most_rounds = 4;
    for (int round = 0; round < most_rounds && consider(best.better_d, best.better_dmin, {2, 1}); ++round) continue;

    fields.d = best.d;
    fields.dmin = best.dmin;
    fields.scales = best.scales;
    fields.minimums = best.minimums;
    for (std::size_t j = 0; j < runs; ++j) write_codes(j, best, fields.codes.data() + run_length * j);
  }

 private:
  static constexpr std::size_t run_length = half_lane_count * halves;
  static constexpr std::size_t runs = 256 / run_length;

  /// The stored integers that serve each run best under given d and dmin: scales around the ideal one, and for each the
  /// minimums around the one that belongs to it.
  Choice choose(double wanted_d, double wanted_dmin, const Reach& reach) const {
    Choice choice;
    choice.d = stored_scale(wanted_d);
    choice.dmin = stored_scale(wanted_dmin);
    choice.error = 0.0;
    const float d = to_float(choice.d);
    const float dmin = to_float(choice.dmin);
    double aa = 0.0, ab = 0.0, bb = 0.0, ax = 0.0, bx = 0.0;
    for (std::size_t j = 0; j < runs; ++j) {
      const Fit& ideal = ideal_[j];
      const float mean_code = ideal.q / run_[j].total;
      Fit best;
      int best_scale = 0;
      int best_minimum = 0;
      const int near_scale = below(ideal.scale, d);
      for (int scale = std::max(0, near_scale - reach.scales);
           scale <= std::min(near_scale + 1 + reach.scales, integers); ++scale) {
        const float s = d * static_cast<float>(scale);
        const int near_minimum = below(ideal.minimum + (s - ideal.scale) * mean_code, dmin);
        for (int minimum = std::max(0, near_minimum - reach.minimums);
             minimum <= std::min(near_minimum + 1 + reach.minimums, integers); ++minimum) {
          const Fit found = fit<highest>(run_[j], s, dmin * static_cast<float>(minimum));
          if (!(found.error < best.error)) continue;
          best = found;
          best_scale = scale;
          best_minimum = minimum;
        }
      }
      choice.scales[j] = static_cast<std::int8_t>(best_scale);
      choice.minimums[j] = static_cast<std::uint8_t>(best_minimum);
      choice.error += best.error;
      aa += double{best.qq} * best_scale * best_scale;
      ab += double{best.q} * best_scale * best_minimum;
      bb += double{run_[j].total} * best_minimum * best_minimum;
      ax += double{best.qx} * best_scale;
      bx += double{run_[j].total_x} * best_minimum;
    }
    solve(aa, ab, bb, ax, bx, choice);
    return choice;
  }

  /// Least squares of x ~ d a - dmin b; what has no codes to fit keeps its value.
  static void solve(double aa, double ab, double bb, double ax, double bx, Choice& choice) {
    choice.better_d = to_float(choice.d);
    choice.better_dmin = to_float(choice.dmin);
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      choice.better_d = (ax * bb - ab * bx) / determinant;
      choice.better_dmin = (ab * ax - aa * bx) / determinant;
    } else if (aa > 0.0) {
      choice.better_d = (ax + choice.better_dmin * ab) / aa;
    }
  }

  static int below(float value, float step) {
    if (step == 0.0f) return 0;
    return static_cast<int>(std::clamp(std::floor(value / step), 0.0f, static_cast<float>(integers)));
  }

  void write_codes(std::size_t j, const Choice& choice, std::uint8_t* codes) const {
    const float scale = to_float(choice.d) * static_cast<float>(choice.scales[j]);
    const float minimum = to_float(choice.dmin) * static_cast<float>(choice.minimums[j]);
    const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
    for (int h = 0; h < halves; ++h) {
      const HalfLanes q = round_within((run_[j].x[h] + minimum) * inverse, 0.0f, highest);
      for (int i = 0; i < half_lane_count; ++i) codes[half_lane_count * h + i] = static_cast<std::uint8_t>(q[i]);
    }
  }

  std::array<WeighedRun<halves>, runs> run_;
  std::array<Fit, runs> ideal_;
  float scale_ = 0.0f;  ///< the largest of the ideal ones
  float minimum_ = 0.0f;
};

}  // namespace

void encode_block_above_minimum(BlockFormat format, const float* x, const float* weight, BlockFields& fields) {
  switch (format) {
    case BlockFormat::q2_k:
      return Search<3, 2, 15>(x, weight, {0.8f, 1.8f, 8}).encode(fields);
    case BlockFormat::q4_k:
      return Search<15, 4, 63>(x, weight, {0.9f, 1.3f, 8}).encode(fields);
    case BlockFormat::q5_k:
      return Search<31, 4, 63>(x, weight, {0.95f, 1.15f, 10}).encode(fields);
    default:
      throw InternalError(pare::detail::concatenate(block_format_name(format), " has no minimums"));
  }
}

}  // namespace pare::kernels
