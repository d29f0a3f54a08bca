// SPDX-License-Identifier: Apache-2.0
#include "search/report/search_curve.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "search/algorithm/contest.hpp"
#include "search/objective/archive.hpp"

namespace pare::search {
namespace {

using Admits = std::function<bool(const Recipe&)>;

/// A trial that tells of losses on search windows, and the tokens measured until then.
struct Told {
  const Trial* trial;
  std::int64_t tokens;
};

/// Adds the trials to the archive.
std::vector<Told> tell_all(const RunRecord& record, Archive& archive) {
  std::vector<Told> told;
  std::int64_t tokens = 0;
  for (const Trial& trial : record.trials) {
    const EvaluationRequest& request = trial.request;
    if (request.set != WindowSet::search || trial.failed()) continue;
    for (const EvaluationRequest& fresh : archive.missing(request.recipe, request.begin, request.count))
      tokens += fresh.count * record.window_length;
    archive.add(trial);
    told.push_back({&trial, tokens});
  }
  return told;
}

/// Windows from the first on that two of the recipes are known on, or the only one.
std::int64_t compared_windows(const Archive& archive, const Admits& fits) {
  std::int64_t most = 0, second = 0;
  for (std::size_t i = 0; i < archive.size(); ++i) {
    if (!fits(archive.recipe(i))) continue;
    const std::int64_t known = archive.known_from_start(archive.recipe(i));
    second = std::max(second, std::min(known, most));
    most = std::max(most, known);
  }
  return second > 0 ? second : most;
}

/// Of the uniform recipes that fit and were measured, the largest.
std::optional<Recipe> measured_uniform(const Archive& archive, const SearchSpace& space, const Budget& budget) {
  for (const Recipe& uniform : fitting_uniforms(space, budget))
    if (archive.known_from_start(uniform) > 0) return uniform;
  return std::nullopt;
}

/// How many times as much as the uniform recipe loses, by what is known of both.
double ratio_to(const Archive& whole, const Recipe& uniform, const Archive& archive, const Recipe& best,
                std::int64_t windows, Metric metric) {
  const std::int64_t both = std::min(windows, whole.known_from_start(uniform));
  const double loss = archive.mean(best, 0, both).mean;
  const double other = whole.mean(uniform, 0, both).mean;
  return metric == Metric::perplexity ? std::exp(loss - other) : loss / other;
}

}  // namespace

std::vector<CurvePoint> search_curve(const RunRecord& record, const Budget& budget, std::size_t points) {
  const WindowLoss loss(record.objective, WindowSet::search);
  Archive whole(record.search_windows, loss);
  const std::vector<Told> told = tell_all(record, whole);
  const std::optional<Recipe> uniform = measured_uniform(whole, record.space, budget);
  const Admits fits = [&](const Recipe& recipe) { return budget.fits(record.space, recipe); };

  Archive archive(record.search_windows, loss);
  std::vector<CurvePoint> curve;
  const double step = told.empty() ? 0 : static_cast<double>(told.back().tokens) / static_cast<double>(points);
  for (const auto& [trial, tokens] : told) {
    archive.add(*trial);
    const double next = step * static_cast<double>(curve.size() + 1);
    if (static_cast<double>(tokens) < next && trial != told.back().trial) continue;
    const std::int64_t windows = compared_windows(archive, fits);
    if (windows == 0) continue;
    const std::vector<Recipe> best = archive.best(1, 0, windows, fits);
    if (best.empty()) continue;
    curve.push_back({tokens, trial->seconds, archive.mean(best.front(), 0, windows).mean, windows});
    if (uniform)
      curve.back().ratio = ratio_to(whole, *uniform, archive, best.front(), windows, record.objective.metric);
  }
  return curve;
}

}  // namespace pare::search
