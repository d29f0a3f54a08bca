// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "search/objective/race.hpp"
#include "search/space/random.hpp"

/// Racing against full evaluation, on simulated losses:
///
///   build/search/bench/bench_racing        # ten seconds, one core
///
/// Per setting 20 seeds x 200 races of seven entrants on 64 windows. A window's loss is mean x difficulty(window) plus a
/// part of the recipe's own, normal. Assumed, not measured: difficulty spreads by 25 %, the own part by 8 % of a mean
/// of 1. Means lie `distance` (relative standard deviation) apart. Columns: windows saved against evaluating all
/// entrants on all windows; races whose leader is not the best by full evaluation; races that the best had left, which
/// the stated confidence bounds where nobody is cut (share 1) and the race is not ended early (accept above 1).
namespace {

using namespace pare::search;

constexpr int seeds = 20;
constexpr int races = 200;
constexpr std::int64_t windows = 64;
constexpr std::uint8_t entrants = 7;

struct Field {
  std::vector<std::vector<double>> loss;  ///< by entrant and window

  double full_mean(std::size_t i) const { return estimate(loss[i]).mean; }
  std::size_t best() const {
    std::size_t best = 0;
    for (std::size_t i = 1; i < loss.size(); ++i) {
      if (full_mean(i) < full_mean(best)) best = i;
    }
    return best;
  }
};

Field draw_field(double distance, DecisionRandom& random) {
  std::vector<double> difficulty;
  for (std::int64_t w = 0; w < windows; ++w) difficulty.push_back(std::exp(0.25 * random.normal()));
  Field field;
  for (int i = 0; i < entrants; ++i) {
    const double mean = 1 + distance * random.normal();
    std::vector<double>& loss = field.loss.emplace_back();
    for (const double each : difficulty) loss.push_back(mean * each + 0.08 * random.normal());
  }
  return field;
}

/// Runs the race to its end on losses that are all known.
RaceCounts run(Race& race, const Field& field) {
  Archive archive(windows);
  for (std::uint8_t i = 0; i < entrants; ++i) archive.add({0, {{i}, WindowSet::search, 0, windows}, field.loss[i], {}});
  while (!race.done()) race.look(archive);
  return race.counts();
}

void measure(double distance, double confidence, double share, double accept) {
  RaceCounts sum;
  int wrong_leader = 0, lost_best = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    for (int r = 0; r < races; ++r) {
      DecisionRandom random(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(r));
      const Field field = draw_field(distance, random);
      std::vector<Recipe> all;
      for (std::uint8_t i = 0; i < entrants; ++i) all.push_back({i});
      Race race(all, {.rungs = default_rungs(windows), .confidence = confidence, .share = share, .accept = accept});
      sum.add(run(race, field));
      const Recipe best{static_cast<std::uint8_t>(field.best())};
      wrong_leader += race.leader() == best ? 0 : 1;
      const auto& left = race.racing();
      lost_best += std::find(left.begin(), left.end(), best) == left.end() ? 1 : 0;
    }
  }
  const double all_windows = static_cast<double>(sum.entrants * windows);
  const double count = seeds * races;
  fmt::print("{:>9.3f} {:>11.2f} {:>6.2f} {:>7.2f} {:>8.1f} % {:>12.1f} % {:>11.1f} %\n", distance, confidence, share,
             accept, 100 * static_cast<double>(sum.windows_saved) / all_windows, 100 * wrong_leader / count,
             100 * lost_best / count);
}

}  // namespace

int main() {
  fmt::print("{} races of {} entrants a row, {} windows, looks at 8, 16, 32 and 64\n", seeds * races, entrants,
             windows);
  fmt::print(" distance  confidence  share  accept      saved    other leader  lost the best\n");
  for (const double distance : {0.005, 0.02, 0.1}) {
    for (const double confidence : {0.8, 0.9, 0.95}) measure(distance, confidence, 1, 2);
    measure(distance, 0.9, 0.5, 0.95);  // as the default algorithm races
  }
  return 0;
}
