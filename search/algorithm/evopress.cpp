// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/evopress.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"
#include "search/space/row_moves.hpp"

namespace pare::search {
namespace {

std::vector<std::vector<std::size_t>> size_classes(const SearchSpace& space) {
  std::map<std::int64_t, std::vector<std::size_t>> by_weights;
  for (std::size_t s = 0; s < space.sites.size(); ++s) by_weights[space.sites[s].weights].push_back(s);
  std::vector<std::vector<std::size_t>> classes;
  for (auto& [weights, sites] : by_weights) classes.push_back(std::move(sites));
  return classes;
}

/// The largest uniform recipe that fits, or the smallest recipe.
Recipe floor_recipe(const SearchSpace& space, const Budget& budget) {
  const std::vector<Recipe> uniforms = fitting_uniforms(space, budget);
  return uniforms.empty() ? budget.cheapest(space) : uniforms.front();
}

bool can_be_raised(const SearchSpace& space, const Recipe& recipe, const Budget& budget) {
  const RowUse use(space, budget, recipe);
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    const auto larger = next_larger(space.sites[s], recipe[s]);
    if (larger && use.violation_with(s, *larger) == 0) return true;
  }
  return false;
}

/// One level up at sites in random order, each once, as far as the budget lasts.
Recipe round_at_random(const SearchSpace& space, const Recipe& recipe, const Budget& budget, DecisionRandom& random) {
  RowUse use(space, budget, recipe);
  std::vector<std::size_t> order(recipe.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(order);
  for (const std::size_t s : order) {
    const auto larger = next_larger(space.sites[s], recipe[s]);
    if (larger && use.violation_with(s, *larger) == 0) use.change(s, *larger);
  }
  return use.recipe();
}

std::int64_t generation_tokens(const SearchProblem& problem, const EvoPressSettings& settings) {
  std::int64_t sum = 0;
  std::size_t candidates = settings.offspring;
  for (std::size_t stage = 0; stage < settings.survivors.size(); ++stage) {
    const bool last = stage + 1 == settings.survivors.size();
    const std::int64_t windows = std::max<std::int64_t>(1, problem.windows / settings.window_divisors[stage]);
    sum += static_cast<std::int64_t>(candidates + (last ? 1 : 0)) * windows * problem.window_length;
    candidates = settings.survivors[stage];
  }
  return sum;
}

}  // namespace

EvoPress::EvoPress(const SearchProblem& problem, const EvoPressSettings& settings)
    : ProceduralAlgorithm(problem, settings.generations * generation_tokens(problem, settings)),
      settings_(settings),
      classes_(size_classes(*problem.space)),
      parent_(floor_recipe(*problem.space, problem.budget)) {}

Procedure EvoPress::run() {
  co_await start();
  while (!exhausted() && (problem().token_limit > 0 || generation_ < settings_.generations)) {
    std::vector<Recipe> candidates = make_offspring();
    if (candidates.empty()) break;
    for (std::size_t stage = 0; stage < settings_.survivors.size() && !exhausted(); ++stage) {
      if (stage + 1 == settings_.survivors.size()) candidates.push_back(parent_);
      co_await select(candidates, stage);
    }
    if (exhausted()) break;
    parent_ = candidates.front();
    ++generation_;
  }
}

Procedure EvoPress::start() {
  if (!can_be_raised(space(), parent_, problem().budget)) co_return;
  std::set<Recipe> seen;
  std::vector<Recipe> candidates;
  for (std::size_t draw = 0; draw < settings_.offspring; ++draw) {
    DecisionRandom random = next_decision();
    Recipe recipe = round_at_random(space(), parent_, problem().budget, random);
    if (seen.insert(recipe).second) candidates.push_back(std::move(recipe));
  }
  parent_ = candidates.front();
  co_await select(candidates, 0);
  if (!exhausted()) parent_ = candidates.front();
}

Procedure EvoPress::select(std::vector<Recipe>& candidates, std::size_t stage) {
  const std::int64_t all = problem().windows;
  const std::int64_t count = std::max<std::int64_t>(1, all / settings_.window_divisors[stage]);
  DecisionRandom random = next_decision();
  const std::int64_t begin = random.below(static_cast<std::uint32_t>(all - count + 1));
  co_await measure_anew(candidates, begin, count);
  if (exhausted()) co_return;
  std::vector<std::pair<double, std::size_t>> ranked;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    ranked.emplace_back(archive().mean(candidates[i], begin, count).mean, i);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<Recipe> survivors;
  for (std::size_t i = 0; i < std::min(settings_.survivors[stage], ranked.size()); ++i) {
    survivors.push_back(candidates[ranked[i].second]);
  }
  candidates = std::move(survivors);
}

bool EvoPress::flip(Recipe& recipe, DecisionRandom& random) const {
  std::uint32_t pick = random.below(static_cast<std::uint32_t>(space().sites.size()));
  std::size_t group = 0;
  while (pick >= classes_[group].size()) pick -= static_cast<std::uint32_t>(classes_[group++].size());
  std::vector<std::size_t> down;
  std::vector<std::size_t> up;
  for (const std::size_t s : classes_[group]) {
    const std::vector<SiteOption>& options = space().sites[s].options;
    const auto has_own_form = [&](std::size_t o) {
      return o < options.size() && options[o].form == options[recipe[s]].form;
    };
    if (recipe[s] > 0 && has_own_form(recipe[s] - std::size_t{1})) down.push_back(s);
    if (has_own_form(recipe[s] + std::size_t{1})) up.push_back(s);
  }
  if (down.empty() || up.empty()) return false;
  const std::size_t lowered = down[random.below(static_cast<std::uint32_t>(down.size()))];
  const std::size_t raised = up[random.below(static_cast<std::uint32_t>(up.size()))];
  if (lowered == raised) return false;
  --recipe[lowered];
  ++recipe[raised];
  return true;
}

bool EvoPress::flip_across_classes(Recipe& recipe, DecisionRandom& random) const {
  constexpr int most_changes = 10;
  constexpr double least_used = 0.8;
  const auto sites = static_cast<std::uint32_t>(recipe.size());
  Recipe changed = recipe;
  const std::size_t raised = random.below(sites);
  const std::optional<std::uint8_t> larger = next_larger(space().sites[raised], changed[raised]);
  if (!larger) return false;
  changed[raised] = *larger;
  for (int changes_left = most_changes - 1; changes_left > 0 && !fits(changed); --changes_left) {
    const std::size_t payer = random.below(sites);
    const std::optional<std::uint8_t> smaller = next_smaller(space().sites[payer], changed[payer]);
    if (payer != raised && smaller) changed[payer] = *smaller;
  }
  const std::int64_t before = problem().budget.bytes - space().bytes(recipe);
  const std::int64_t after = problem().budget.bytes - space().bytes(changed);
  const std::int64_t taken =
      space().sites[raised].options[*larger].bytes - space().sites[raised].options[recipe[raised]].bytes;
  const std::int64_t freed = taken + after - before;
  const bool wasteful = after > before && static_cast<double>(taken) < least_used * static_cast<double>(freed);
  if (!fits(changed) || wasteful) return false;
  recipe = std::move(changed);
  return true;
}

std::vector<Recipe> EvoPress::make_offspring() {
  DecisionRandom random = next_decision();
  std::set<Recipe> seen{parent_};
  std::vector<Recipe> offspring;
  const std::size_t attempts = 100 * settings_.offspring;  // small spaces may not have so many different neighbours
  for (std::size_t attempt = 0; attempt < attempts && offspring.size() < settings_.offspring; ++attempt) {
    Recipe child = parent_;
    const int flips = std::min(random.between(1, settings_.most_flips), random.between(1, settings_.most_flips));
    for (int i = 0; i < flips; ++i) {
      if (settings_.size_classes) {
        flip(child, random);
      } else {
        flip_across_classes(child, random);
      }
    }
    if (fits(child) && seen.insert(child).second) offspring.push_back(std::move(child));
  }
  return offspring;
}

std::vector<Finalist> EvoPress::finalists() const {
  return {{name(), parent_}};
}

std::string EvoPress::status() const {
  return name() + ": generation " + std::to_string(generation_) + ", " + std::to_string(tokens_asked()) + " of " +
         std::to_string(token_limit()) + " tokens";
}

}  // namespace pare::search
