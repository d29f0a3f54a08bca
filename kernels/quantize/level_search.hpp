// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/core/dtype.hpp"
#include "kernels/core/lanes.hpp"
#include "kernels/quantize/block_bits.hpp"

/// What the encoders of all block formats have in common: how far a run of 16 or 32 weights lies from the levels that a
/// scale gives it, and the search for the best such scale.

namespace pare::kernels {

/// A run of weights and how much the error of each counts.
template <int vectors>
struct Run {
  Run() = default;
  Run(const float* x_, const float* weight_) {
    for (int v = 0; v < vectors; ++v) {
      x[v] = load(x_ + lane_count * v);
      weight[v] = load(weight_ + lane_count * v);
    }
  }

  /// The value of the largest magnitude, the first of several.
  float extreme() const {
    float found = 0.0f;
    for (int v = 0; v < vectors; ++v) {
      for (int i = 0; i < lane_count; ++i) found = std::abs(x[v][i]) > std::abs(found) ? x[v][i] : found;
    }
    return found;
  }

  Lanes x[vectors];
  Lanes weight[vectors];
};

/// To the nearest integer in [lowest, highest], halves to even.
inline Lanes round_within(Lanes t, float lowest, float highest) {
  const Lanes least = splat(lowest);
  const Lanes most = splat(highest);
  const Lanes clamped = t > most ? most : (t < least ? least : t);
  return (clamped + 0x1.8p23f) - 0x1.8p23f;
}

/// Evenly spaced levels, one each unit.
template <int lowest_, int highest_>
struct EvenLevels {
  static constexpr float lowest = lowest_;
  static constexpr float highest = highest_;

  static Lanes nearest(Lanes t) { return round_within(t, lowest, highest); }
  /// The code of a level, for a format whose code 0 is -zero.
  static std::uint8_t code(float level, int zero) { return static_cast<std::uint8_t>(static_cast<int>(level) + zero); }
};

/// Those of iq4_nl.
struct UnevenLevels {
  static constexpr float lowest = uneven_levels.front();
  static constexpr float highest = uneven_levels.back();

  static Lanes nearest(Lanes t) {
    Lanes level = splat(lowest);
    for (std::size_t i = 1; i < uneven_levels.size(); ++i) {
      const float middle = 0.5f * static_cast<float>(uneven_levels[i - 1] + uneven_levels[i]);
      const Lanes here = splat(uneven_levels[i]);
      level = t > splat(middle) ? here : level;
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

template <class Levels, int vectors>
ScaleFit fit_scale(const Run<vectors>& run, float scale) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  Lanes error = splat(0.0f);
  Lanes qx = splat(0.0f);
  Lanes qq = splat(0.0f);
  for (int v = 0; v < vectors; ++v) {
    const Lanes q = Levels::nearest(run.x[v] * inverse);
    const Lanes miss = run.x[v] - q * scale;
    const Lanes weighted = run.weight[v] * q;
    error += run.weight[v] * miss * miss;
    qx += weighted * run.x[v];
    qq += weighted * q;
  }
  return {scale, sum(error), sum(qx), sum(qq)};
}

/// As it is stored, and never infinite: what is too large has been refused before the search.
inline Float16 stored_scale(double scale) {
  return to_float16(static_cast<float>(std::clamp(scale, -65504.0, 65504.0)));
}

/// Rounding of scales that are stored in binary16, and of those that are rounded later.
inline float in_binary16(float scale) {
  return to_float(stored_scale(scale));
}
inline float unrounded(float scale) {
  return scale;
}

/// Where the search starts: the extreme value becomes the outermost level at either end, times each of these. Above 1,
/// values at the end are clipped.
struct Fan {
  float from;
  float to;
  int steps;
};

/// The best scale found: a fan of starts at both ends, each refitted once; the best one until it improves no more.
template <class Levels, int vectors, class Rounding>
ScaleFit search_scale(const Run<vectors>& run, const Fan& fan, const Rounding& rounding) {
  const float extreme = run.extreme();
  ScaleFit best = fit_scale<Levels>(run, 0.0f);
  const auto consider = [&](float scale) {
    const ScaleFit fit = fit_scale<Levels>(run, rounding(scale));
    const bool better = fit.error < best.error;
    if (better) best = fit;
    return std::pair{better, fit.refit()};
  };
  if (extreme == 0.0f) return best;
  for (const float end : {Levels::lowest, Levels::highest}) {
    for (int step = 0; step < fan.steps; ++step) {
      const float stretch =
          fan.from + (fan.to - fan.from) * static_cast<float>(step) / static_cast<float>(fan.steps - 1);
      consider(consider(extreme / (end * stretch)).second);
    }
    consider(extreme / end);
  }
  constexpr int most_rounds = 4;
  for (int round = 0; round < most_rounds && consider(best.refit()).first; ++round) continue;
  return best;
}

/// Codes of a run for the scale that a fit chose.
template <class Levels, int vectors>
void write_codes(const Run<vectors>& run, float scale, int zero, std::uint8_t* codes) {
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  for (int v = 0; v < vectors; ++v) {
    const Lanes q = Levels::nearest(run.x[v] * inverse);
    for (int i = 0; i < lane_count; ++i) codes[lane_count * v + i] = Levels::code(q[i], zero);
  }
}

}  // namespace pare::kernels
