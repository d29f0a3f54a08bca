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
using Runs = std::array<Run<1>, run_count>;

/// One choice of d and what follows from it.
struct Choice {
  Float16 d{};
  std::array<std::int8_t, run_count> scales{};
  double error = std::numeric_limits<double>::infinity();
  double better_d = 0.0;  ///< least squares for these scales and codes
};

/// The stored scales, either integer next to the ideal one, that serve each run best under a given d.
template <class Levels>
Choice choose_scales(const Runs& runs, const std::array<float, run_count>& ideal, double wanted_d, int lowest,
                     int highest) {
  Choice choice;
  choice.d = stored_scale(wanted_d);
  choice.error = 0.0;
  const float d = to_float(choice.d);
  double qx = 0.0;
  double qq = 0.0;
  for (std::size_t j = 0; j < run_count; ++j) {
    const float ratio = d == 0.0f ? 0.0f : ideal[j] / d;
    const int below =
        static_cast<int>(std::clamp(std::floor(ratio), static_cast<float>(lowest), static_cast<float>(highest)));
    int scale = below;
    ScaleFit best = fit_scale<Levels>(runs[j], d * static_cast<float>(below));
    const int above = std::min(below + 1, highest);
    const ScaleFit other = fit_scale<Levels>(runs[j], d * static_cast<float>(above));
    if (other.error < best.error) {
      best = other;
      scale = above;
    }
    choice.scales[j] = static_cast<std::int8_t>(scale);
    choice.error += best.error;
    qx += double{best.qx} * scale;
    qq += double{best.qq} * scale * scale;
  }
  choice.better_d = qq > 0.0 ? qx / qq : 0.0;
  return choice;
}

/// d such that the largest ideal scale becomes about the lowest integer: a few steps below, where other runs may fall
/// on integers more luckily, and just beyond.
template <class Levels>
void encode(const float* x, const float* weight, const Fan& fan, int lowest, int highest, int zero,
            BlockFields& fields) {
  Runs runs;
  std::array<float, run_count> ideal{};
  float largest = 0.0f;
  for (std::size_t j = 0; j < run_count; ++j) {
    runs[j] = Run<1>(x + 16 * j, weight + 16 * j);
    ideal[j] = search_scale<Levels>(runs[j], fan, unrounded).scale;
    largest = std::abs(ideal[j]) > std::abs(largest) ? ideal[j] : largest;
  }
  Choice best;
  const auto consider = [&](double d) {
    const Choice choice = choose_scales<Levels>(runs, ideal, d, lowest, highest);
    const bool better = choice.error < best.error;
    if (better) best = choice;
    return better;
  };
  constexpr int starts = 8;
  for (int start = 0; start < starts; ++start)
    consider(largest / (lowest * (1.0f + 0.02f - 0.02f * static_cast<float>(start))));
  consider(largest / static_cast<float>(highest));
  constexpr int most_rounds = 3;
  for (int round = 0; round < most_rounds && consider(best.better_d); ++round) continue;

  fields.d = best.d;
  fields.scales = best.scales;
  for (std::size_t j = 0; j < run_count; ++j) {
    write_codes<Levels>(runs[j], to_float(best.d) * static_cast<float>(best.scales[j]), zero,
                        fields.codes.data() + 16 * j);
  }
}

}  // namespace

void encode_scaled_block(BlockFormat format, const float* x, const float* weight, BlockFields& fields) {
  switch (format) {
    case BlockFormat::q3_k:
      return encode<EvenLevels<-4, 3>>(x, weight, {0.6f, 1.6f, 16}, -32, 31, 4, fields);
    case BlockFormat::q6_k:
      return encode<EvenLevels<-32, 31>>(x, weight, {0.9f, 1.1f, 16}, -128, 127, 32, fields);
    default:
      throw InternalError(detail::concatenate(block_format_name(format), " has no signed scales"));
  }
}

}  // namespace pare::kernels
