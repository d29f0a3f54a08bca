// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <limits>
#include <utility>

#include "search/objective/compare_record.hpp"

namespace pare::test {

/// A comparison made by hand: pare, evopress and random, seeds 1 to 3, one budget, four held-out windows. Loss on window
/// w is `level` + w / 100, so that paired differences are exact.
inline search::CompareRecord small_comparison() {
  using namespace search;
  CompareRecord record;
  record.yaml = "model: {path: tiny}\n";
  record.identity = "0123";
  record.provenance = {{"version", "0.1.0"}, {"model_hash", "abcd"}};
  record.algorithms = {"pare", "evopress", "random"};
  record.seeds = {1, 2, 3};
  record.tokens = 1000;
  record.window_length = 16;
  record.search_windows = 8;
  record.holdout_windows = 4;
  record.sites = {{"model.layers.0.q_proj", {"w2-g32", "w4-g32"}}, {"model.layers.0.k_proj", {"w2-g32", "w4-g32"}}};
  record.budgets = {{"bits_per_weight: 3", 750, 3.0, CompareUniform{"uniform w2-g32", 500, {0.9, 0.9, 0.9, 0.9}}}};
  const auto losses = [](double level) { return std::vector<double>{level, level + 0.01, level + 0.02, level + 0.03}; };
  const auto add = [&](const char* algorithm, std::uint64_t seed, double level, std::int64_t halfway) {
    CompareCell cell;
    cell.algorithm = algorithm;
    cell.seed = seed;
    cell.tokens_asked = 1000;
    cell.tokens_to_answer = 800;
    cell.seconds = seed == 3 ? std::numeric_limits<double>::quiet_NaN() : 2.5;
    cell.recipe = {0, 1};
    cell.bytes = 750;
    cell.window_kl = losses(level);
    cell.perplexity = 4.5;
    cell.trajectory = {{0, {0.9, 0.01}}, {halfway, {level + 0.07, 0.01}}, {800, estimate(cell.window_kl)}};
    record.cells.push_back(std::move(cell));
  };
  for (const std::uint64_t seed : {1, 2, 3}) {
    const double shift = 0.1 * static_cast<double>(seed);
    // On the second seed pare loses to evopress: by 0.001 on every window, so the paired interval has no width.
    add("pare", seed, seed == 2 ? shift + 0.051 : shift, 200);
    add("evopress", seed, shift + 0.05, 400);
    add("random", seed, shift + 0.5, 100);
  }
  record.digest = "0123456789abcdef0123456789abcdef";
  return record;
}

}  // namespace pare::test
