// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/tpe.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

using Shares = std::vector<std::vector<double>>;

Recipe draw_from(const Shares& shares, DecisionRandom& random) {
  Recipe recipe;
  for (const std::vector<double>& row : shares) {
    double left = random.uniform();
    std::size_t o = 0;
    while (o + 1 < row.size() && left >= row[o]) left -= row[o++];
    recipe.push_back(static_cast<std::uint8_t>(o));
  }
  return recipe;
}

double log_ratio(const Shares& good, const Shares& bad, const Recipe& recipe) {
  double sum = 0;
  for (std::size_t s = 0; s < recipe.size(); ++s) sum += std::log(good[s][recipe[s]] / bad[s][recipe[s]]);
  return sum;
}

}  // namespace

Shares option_shares(const SearchSpace& space, const std::vector<Recipe>& recipes, std::size_t first, std::size_t last,
                     double prior) {
  Shares shares;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    const std::size_t options = space.sites[s].options.size();
    const double trials = static_cast<double>(last - first) + prior;
    std::vector<double>& row = shares.emplace_back(options, prior / static_cast<double>(options) / trials);
    for (std::size_t i = first; i < last; ++i) row[recipes[i][s]] += 1 / trials;
  }
  return shares;
}

Tpe::Tpe(const SearchProblem& problem, const TpeSettings& settings)
    : ProceduralAlgorithm(problem, default_tokens(problem)), settings_(settings) {
  const std::vector<Recipe> uniforms = fitting_uniforms(space(), problem.budget);
  answer_ = uniforms.empty() ? problem.budget.cheapest(space()) : uniforms.front();
}

Procedure Tpe::run() {
  hold_back_for_confirmation();
  windows_ = trial_windows(smallest_rung(problem().windows), 4 * settings_.start_up, 100 * settings_.start_up);
  std::vector<Recipe> batch = start_up();
  while (!batch.empty()) {
    co_await measure(batch, 0, windows_);
    const std::vector<Recipe> best = archive().best(1, 0, windows_, [&](const Recipe& each) { return fits(each); });
    if (!best.empty()) answer_ = best.front();
    if (exhausted()) break;
    batch = propose();
  }
  co_await confirm(windows_, answer_);
}

std::vector<Recipe> Tpe::start_up() {
  const auto size = static_cast<std::size_t>(
      std::clamp<std::int64_t>(affordable(windows_) / 4, 2, std::max<std::int64_t>(2, settings_.start_up)));
  std::vector<Recipe> trials = fitting_uniforms(space(), problem().budget);
  if (trials.size() > size) trials.resize(size);
  asked_.insert(trials.begin(), trials.end());
  for (std::size_t draws = size - trials.size(); draws > 0; --draws) {
    DecisionRandom random = next_decision();
    Recipe recipe = random_recipe(space(), problem().budget, random);
    if (asked_.insert(recipe).second) trials.push_back(std::move(recipe));
  }
  return trials;
}

std::vector<Recipe> Tpe::propose() {
  const std::vector<Recipe> ranked = archive().best(archive().size(), 0, windows_, [](const Recipe&) { return true; });
  const auto share = static_cast<std::size_t>(std::ceil(settings_.good_share * static_cast<double>(ranked.size())));
  const std::size_t split = std::min(settings_.most_good, share);
  const Shares good = option_shares(space(), ranked, 0, split, settings_.prior);
  const Shares bad = option_shares(space(), ranked, split, ranked.size(), settings_.prior);
  std::vector<Recipe> batch;
  for (std::size_t trial = 0; trial < settings_.batch; ++trial) {
    DecisionRandom random = next_decision();
    std::optional<Recipe> chosen;
    double most = -std::numeric_limits<double>::infinity();
    std::size_t fresh = 0;
    for (std::size_t draw = 0; draw < 100 * settings_.candidates && fresh < settings_.candidates; ++draw) {
      const Recipe drawn = settle(space(), draw_from(good, random));
      const std::optional<Recipe> fitting = repair(space(), drawn, problem().budget);
      if (!fitting) continue;
      Recipe recipe = spend(space(), *fitting, problem().budget);
      if (asked_.contains(recipe)) continue;
      ++fresh;
      const double ratio = log_ratio(good, bad, recipe);
      if (chosen && ratio <= most) continue;
      most = ratio;
      chosen = std::move(recipe);
    }
    if (!chosen) continue;
    asked_.insert(*chosen);
    batch.push_back(std::move(*chosen));
  }
  return batch;
}

std::vector<Finalist> Tpe::finalists() const {
  return {{"tpe", answer_}};
}

std::string Tpe::status() const {
  return "tpe: " + std::to_string(archive().size()) + " trials, " + std::to_string(tokens_asked()) + " of " +
         std::to_string(token_limit()) + " tokens";
}

}  // namespace pare::search
