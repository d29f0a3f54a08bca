// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/core/dtype.hpp"
#include "kernels/core/lanes.hpp"
#include "kernels/quantize/block_bits.hpp"

/// What the encoders of all block formats have in common: how far a run of 16 or 32 weights lies from the levels that a
/// scale gives it, and the search for the best such scale.

namespace pare::kernels {

/// A run of 8 * halves weights and how much the error of each counts.
template <int halves>
struct Run {
  Run() = default;
  Run(const float* x_, const float* weight_) {
    for (int h = 0; h < halves; ++h) {
      x[h] = load_half(x_ + half_lane_count * h);
      weight[h] = load_half(weight_ + half_lane_count * h);
    }
  }

  HalfLanes x[halves];
  HalfLanes weight[halves];
};

/// A sum over a run: its even and its odd halves.
struct RunSum {
  void add(int half, HalfLanes x) { halves[half % 2] += x; }
  float total() const { return sum(halves[0], halves[1]); }

  HalfLanes halves[2]{};
};

/// How far the values of a run lie from a centre, with their sign; the first of several.
struct Extremes {
  float largest = 0.0f;   ///< the deviation of the largest magnitude
  float foremost = 0.0f;  ///< that with the largest weight deviation^2, 0 when all those are too small to tell

  float ratio() const { return foremost == 0.0f ? 1.0f : std::min(std::abs(largest / foremost), 65536.0f); }
};

template <int halves>
Extremes extremes_of(const Run<halves>& run, float centre) {
  Extremes found;
  float most = 0.0f;
  for (int h = 0; h < halves; ++h) {
    const HalfLanes deviation = run.x[h] - centre;
    const HalfLanes counts = run.weight[h] * deviation * deviation;
    for (int i = 0; i < half_lane_count; ++i) {
      if (std::abs(deviation[i]) > std::abs(found.largest)) found.largest = deviation[i];
      if (!(counts[i] > most)) continue;
      most = counts[i];
      found.foremost = deviation[i];
    }
  }
  return found;
}

/// To the nearest integer in [lowest, highest], halves to even.
inline HalfLanes round_within(HalfLanes t, float lowest, float highest) {
  const HalfLanes least = splat_half(lowest);
  const HalfLanes most = splat_half(highest);
  const HalfLanes clamped = t > most ? most : (t < least ? least : t);
  return (clamped + 0x1.8p23f) - 0x1.8p23f;
}

/// Evenly spaced levels, one each unit.
template <int lowest_, int highest_>
struct EvenLevels {
  static constexpr float lowest = lowest_;
  static constexpr float highest = highest_;

  static HalfLanes nearest(HalfLanes t) { return round_within(t, lowest, highest); }
  /// The code of a level, for a format whose code 0 is -zero.
  static std::uint8_t code(float level, int zero) { return static_cast<std::uint8_t>(static_cast<int>(level) + zero); }
};

/// Those of iq4_nl.
struct UnevenLevels {
  static constexpr float lowest = uneven_levels.front();
  static constexpr float highest = uneven_levels.back();

  static HalfLanes nearest(HalfLanes t) {
    HalfLanes level = splat_half(lowest);
    for (std::size_t i = 1; i < uneven_levels.size(); ++i) {
      const float middle = 0.5f * static_cast<float>(uneven_levels[i - 1] + uneven_levels[i]);
      const HalfLanes here = splat_half(uneven_levels[i]);
      level = t > splat_half(middle) ? here : level;
    }
    return level;
  }
  static std::uint8_t code(float level, int) {
    return static_cast<std::uint8_t>(std::find(uneven_levels.begin(), uneven_levels.end(), static_cast<int>(level)) -
                                     uneven_levels.begin());
  }
};

/// The run rounded with one scale: x ~ scale * q.
struct ScaleFit {
  float scale = 0.0f;
  float error = 0.0f;  ///< sum of weight (x - scale q)^2
  float qx = 0.0f;     ///< sum of weight q x
  float qq = 0.0f;     ///< sum of weight q^2

  /// The scale with the least error for these q.
  float refit() const { return qq > 0.0f ? qx / qq : 0.0f; }
};

template <class Levels, int halves>
ScaleFit fit_scale(const Run<halves>& run, float scale) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  RunSum error;
  RunSum qx;
  RunSum qq;
  for (int h = 0; h < halves; ++h) {
    const HalfLanes q = Levels::nearest(run.x[h] * inverse);
    const HalfLanes miss = run.x[h] - q * scale;
    const HalfLanes weighted = run.weight[h] * q;
    error.add(h, run.weight[h] * miss * miss);
    qx.add(h, weighted * run.x[h]);
    qq.add(h, weighted * q);
  }
  return {scale, error.total(), qx.total(), qq.total()};
}

/// As it is stored: never infinite, since what is too large has been refused before the search, and never 0 for another
/// number, since a few small codes of the smallest scale may serve better than none.
inline Float16 stored_scale(double scale) {
  Float16 stored = to_float16(static_cast<float>(std::clamp(scale, -65504.0, 65504.0)));
  if (scale != 0.0 && (stored.bits & 0x7fffu) == 0) stored.bits = scale < 0.0 ? 0x8001u : 0x0001u;
  return stored;
}

/// Rounding of scales that are stored in binary16, and of those that are rounded later.
inline float in_binary16(float scale) {
  return to_float(stored_scale(scale));
}
inline float unrounded(float scale) {
  return scale;
}

/// Where a search starts: the finest scale that clips nothing, divided by each of these. Above 1, the outer values are
/// clipped.
struct Fan {
  float from;
  float to;
  int steps;
};

/// Calls consider(stretch) for every stretch of the fan. When the values that count most are smaller than the extreme
/// one, by `ratio` > 1, clipping that one much further may pay: the fan then goes on, in coarser steps, to `ratio`
/// times its end.
template <class Consider>
void for_each_stretch(const Fan& fan, float ratio, const Consider& consider) {
  for (int step = 0; step < fan.steps; ++step) {
    consider(fan.from + (fan.to - fan.from) * static_cast<float>(step) / static_cast<float>(fan.steps - 1));
  }
  if (!(ratio > 1.0f)) return;
  constexpr int most_steps = 12;
  const int steps = std::min(most_steps, 1 + static_cast<int>(std::log2(ratio) * 4.0f));
  const float factor = std::pow(ratio, 1.0f / static_cast<float>(steps));
  float stretch = fan.to;
  for (int step = 0; step < steps; ++step) consider(stretch *= factor);
}

/// The best scale found: a fan of starts at both ends, each refitted once; the best one until it improves no more.
template <class Levels, int halves, class Rounding>
ScaleFit search_scale(const Run<halves>& run, const Fan& fan, const Rounding& rounding) {
  const Extremes extremes = extremes_of(run, 0.0f);
  ScaleFit best = fit_scale<Levels>(run, 0.0f);
  if (extremes.largest == 0.0f) return best;
  const auto consider = [&](float scale) {
    const ScaleFit fit = fit_scale<Levels>(run, rounding(scale));
    const bool better = fit.error < best.error;
    if (better) best = fit;
    return std::pair{better, fit.refit()};
  };
  for (const float end : {Levels::lowest, Levels::highest}) {
    consider(extremes.largest / end);
    for_each_stretch(fan, extremes.ratio(),
                     [&](float stretch) { consider(consider(extremes.largest / (end * stretch)).second); });
  }
  constexpr int most_rounds = 4;
  for (int round = 0; round < most_rounds && consider(best.refit()).first; ++round) continue;
  return best;
}

/// Codes of a run for the scale that a fit chose.
template <class Levels, int halves>
void write_codes(const Run<halves>& run, float scale, int zero, std::uint8_t* codes) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  for (int h = 0; h < halves; ++h) {
    const HalfLanes q = Levels::nearest(run.x[h] * inverse);
    for (int i = 0; i < half_lane_count; ++i) codes[half_lane_count * h + i] = Levels::code(q[i], zero);
  }
}

}  // namespace pare::kernels
