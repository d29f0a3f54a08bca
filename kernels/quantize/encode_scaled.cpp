// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <limits>

#include "kernels/core/contract.hpp"
#include "kernels/quantize/encode_block.hpp"
#include "kernels/quantize/level_search.hpp"

/// Blocks of 16 runs of 16 weights: x ~ d s_j q, with a small signed integer s_j for each run.

namespace pare::kernels {
namespace {

constexpr std::size_t run_count = 16;
using Runs = std::array<Run<2>, run_count>;

/// What a stored scale may be.
struct Integers {
  int lowest;
  int highest;

  int below(float value) const {
    return static_cast<int>(std::clamp(std::floor(value), static_cast<float>(lowest), static_cast<float>(highest)));
  }
};

/// One choice of d and what follows from it.
struct Choice {
  Float16 d{};
  std::array<std::int8_t, run_count> scales{};
  double error = std::numeric_limits<double>::infinity();
  double better_d = 0.0;  ///< least squares for these scales and codes
};

/// The stored scales that serve each run best under a given d: of the two integers next to the ideal one, and `reach`
/// more on either side.
template <class Levels>
Choice choose_scales(const Runs& runs, const std::array<float, run_count>& ideal, double wanted_d,
                     const Integers& integers, int reach) {
  Choice choice;
  choice.d = stored_scale(wanted_d);
  choice.error = 0.0;
  const float d = to_float(choice.d);
  double qx = 0.0;
  double qq = 0.0;
  for (std::size_t j = 0; j < run_count; ++j) {
    const int near = d == 0.0f ? 0 : integers.below(ideal[j] / d);
    int best_scale = 0;
    ScaleFit best = fit_scale<Levels>(runs[j], 0.0f);
    const int last = std::min(near + 1 + reach, integers.highest);
    for (int scale = std::max(near - reach, integers.lowest); scale <= last; ++scale) {
      const ScaleFit fit = fit_scale<Levels>(runs[j], d * static_cast<float>(scale));
      if (!(fit.error < best.error)) continue;
      best = fit;
      best_scale = scale;
    }
    choice.scales[j] = static_cast<std::int8_t>(best_scale);
    choice.error += best.error;
    qx += double{best.qx} * best_scale;
    qq += double{best.qq} * best_scale * best_scale;
  }
  choice.better_d = qq > 0.0 ? qx / qq : 0.0;
  return choice;
}

/// Starts with d such that the largest ideal scale becomes about the outermost integer: a little beyond, and in steps
/// below, where other runs may fall on integers more luckily. Then refits d and looks a little further around: a run
/// that one value dominates has several scales that are nearly as good.
template <class Levels>
void encode(const float* x, const float* weight, const Fan& fan, const Integers& integers, BlockFields& fields) {
  Runs runs;
  std::array<float, run_count> ideal{};
  float largest = 0.0f;
  for (std::size_t j = 0; j < run_count; ++j) {
    runs[j] = Run<2>(x + 16 * j, weight + 16 * j);
    ideal[j] = search_scale<Levels>(runs[j], fan, unrounded).scale;
    largest = std::abs(ideal[j]) > std::abs(largest) ? ideal[j] : largest;
  }
  Choice best;
  const auto consider = [&](double d, int around) {
    const Choice choice = choose_scales<Levels>(runs, ideal, d, integers, around);
    const bool better = choice.error < best.error;
    if (better) best = choice;
    return better;
  };
  for (const double part : {1.02, 1.0, 0.98, 0.96, 0.93, 0.9, 0.85, 0.8}) {
    consider(double{largest} / (integers.lowest * part), 0);
  }
  consider(double{largest} / integers.highest, 0);
  constexpr int reach = 2;
  constexpr int most_rounds = 4;
  for (int round = 0; round < most_rounds && consider(best.better_d, reach); ++round) continue;

  fields.d = best.d;
  fields.scales = best.scales;
  for (std::size_t j = 0; j < run_count; ++j) {
    write_codes<Levels>(runs[j], to_float(best.d) * static_cast<float>(best.scales[j]),
                        -static_cast<int>(Levels::lowest), fields.codes.data() + 16 * j);
  }
}

}  // namespace

void encode_scaled_block(BlockFormat format, const float* x, const float* weight, BlockFields& fields) {
  switch (format) {
    case BlockFormat::q3_k:
      return encode<EvenLevels<-4, 3>>(x, weight, {0.6f, 1.6f, 16}, {-32, 31}, fields);
    case BlockFormat::q6_k:
      return encode<EvenLevels<-32, 31>>(x, weight, {0.9f, 1.1f, 20}, {-128, 127}, fields);
    default:
      throw InternalError(pare::detail::concatenate(block_format_name(format), " has no signed scales"));
  }
}

}  // namespace pare::kernels
