// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "search/store/run_record.hpp"

namespace pare::test {

/// A run made by hand: 2 layers x 2 kinds of 1000 and 2000 weights, options w2/w3/w4, three trials, two
/// contestants that fit and one that does not, four held-out windows.
inline search::RunRecord small_run() {
  using namespace search;
  RunRecord record;
  record.yaml = "model: {path: tiny}\nsearch: {algorithm: pare}\n";
  record.provenance = {{"pare", "0.1.0"}, {"host", "example"}};
  record.algorithm = "pare";
  record.seed = 7;
  record.window_length = 64;
  record.search_windows = 8;
  record.holdout_windows = 4;
  record.calibration_windows = 6;
  for (int layer = 0; layer < 2; ++layer)
    for (const bool is_q : {true, false}) {
      const std::int64_t weights = is_q ? 1000 : 2000;
      SearchSite site;
      site.name = "model.layers." + std::to_string(layer) + (is_q ? ".self_attn.q_proj" : ".mlp.down_proj");
      site.kind = is_q ? "q_proj" : "down_proj";
      site.layer = layer;
      site.stage = 1 + 2 * layer + (is_q ? 0 : 1);
      site.weights = weights;
      site.original_bytes = 4 * weights;
      site.options = {{"w2-g32", weights / 4, 0.5}, {"w3-g32", 3 * weights / 8, 0.25}, {"w4-g32", weights / 2, 0.0625}};
      record.space.sites.push_back(site);
    }
  record.space.left_out = {{"model.layers.0.mlp.down_proj", "w8a8-static", "its input was 0 throughout"}};
  record.trials = {{0, {{1, 1, 1, 1}, WindowSet::search, 0, 2}, {0.5, 0.25}, {1.5, 1.25}},
                   {1, {{2, 1, 0, 1}, WindowSet::search, 0, 4}, {0.25, 0.125, 0.5, 0.75}, {1.5, 1.25, 1, 2}},
                   {2, {{2, 1, 0, 1}, WindowSet::holdout, 1, 1}, {0.375}, {1.75}}};
  for (Trial& trial : record.trials) trial.seconds = 2.5 * static_cast<double>(1 + trial.id);
  const auto contestant = [&](const char* name, Recipe recipe, bool fits, std::vector<double> window_kl, double kl,
                              double error, double perplexity) {
    const std::int64_t bytes = record.space.bytes(recipe);
    return Contestant{name,
                      recipe,
                      bytes,
                      record.space.bits_per_weight(bytes),
                      fits,
                      std::move(window_kl),
                      {1.0, 1.25, 1.5, 1.75},
                      {kl, error},
                      perplexity};
  };
  Verdict verdict;
  verdict.contestants = {
      contestant("uniform w3-g32", {1, 1, 1, 1}, true, {0.5, 0.25, 0.5, 0.75}, 0.5, 0.1020620726, 4.25),
      contestant("uniform w4-g32", {2, 2, 2, 2}, false, {0.125, 0.0625, 0.125, 0.1875}, 0.125, 0.02551551815, 4.0),
      contestant("pare", {2, 1, 0, 1}, true, {0.25, 0.125, 0.25, 0.375}, 0.25, 0.05103103631, 4.125)};
  verdict.winner = 2;
  verdict.budget_bytes = 2250;
  verdict.reference_bytes = 24000;
  verdict.reference_perplexity = 3.875;
  verdict.spent = {123456, 100000, 210, 12.5, 9000, 6000, 0, {{"searching", 10}}};
  verdict.figures = {{2, 9, 4, 1, 300, {{8, 72}, {64, 100}}}, 0.75, 12, {{-0.25, -0.125}, {-0.125, 0.0625}}};
  verdict.ended_by = "minutes";
  verdict.trials = 3;
  verdict.digest = "0123456789abcdef0123456789abcdef";
  record.verdict = verdict;
  record.crew = {{{"worker 0 on a", "working", 12, 0, 9.5, 0.25, 0.5, 1000, 2'000'000},
                  {"worker 1 on b", "lost", 3, 2, 2.5, 0.5, 1.0, 300, 400}},
                 10,
                 2,
                 1,
                 0};
  return record;
}

/// Of the eight search and four held-out windows of the small run.
inline search::Objective two_domains() {
  using namespace search;
  return {Metric::perplexity, Combine::worst, {{"prose", 2}, {"code", 1}}, {0, 1, 0, 0, 1, 0, 0, 1}, {0, 1, 0, 0}};
}

}  // namespace pare::test
