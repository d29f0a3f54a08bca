// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/greedy.hpp"

#include <algorithm>
#include <iomanip>
#include <numeric>
#include <optional>
#include <sstream>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// The next option down that none with as few bytes beats in local error.
std::optional<std::uint8_t> step_down(const SearchSite& site, std::uint8_t from) {
  std::optional<std::uint8_t> lower = next_smaller(site, from);
  while (lower) {
    const std::optional<std::uint8_t> below = next_smaller(site, *lower);
    if (!below || site.options[*below].local_error >= site.options[*lower].local_error) return lower;
    lower = below;
  }
  return lower;
}

std::int64_t saved_bytes(const SearchSite& site, std::uint8_t from, std::uint8_t to) {
  return site.options[from].bytes - site.options[to].bytes;
}

double local_price(const SearchSite& site, std::uint8_t from, std::uint8_t to) {
  return (site.options[to].local_error - site.options[from].local_error) /
         static_cast<double>(saved_bytes(site, from, to));
}

/// Steps of the way down to the budget if local errors were the losses.
std::int64_t steps_down(const SearchSpace& space, const Budget& budget) {
  const Recipe top = richest_recipe(space);
  const Recipe bottom = local_recipe(space, budget);
  std::int64_t steps = 0;
  for (std::size_t s = 0; s < top.size(); ++s) {
    for (std::optional<std::uint8_t> o = top[s]; o && *o > bottom[s]; o = step_down(space.sites[s], *o)) ++steps;
  }
  return steps;
}

/// A change of several sites, with the sum of their scores.
struct Swap {
  double predicted = 0;
  Recipe recipe;
};

/// One step up at a site, paid by the steps down that cost least: one that ends it, if there is one.
std::optional<Swap> raise_and_pay_least(const SearchSpace& space, const Sensitivities& table, std::size_t raised,
                                        const Budget& budget) {
  const auto larger = next_larger(space.sites[raised], table.point[raised]);
  if (!larger) return std::nullopt;
  Swap swap{table.score[raised][*larger], table.point};
  swap.recipe[raised] = *larger;
  while (space.bytes(swap.recipe) > budget.bytes) {
    const std::int64_t excess = space.bytes(swap.recipe) - budget.bytes;
    std::optional<std::size_t> payer;
    bool payer_ends_it = false;
    double least = 0;
    for (std::size_t s = 0; s < swap.recipe.size(); ++s) {
      const auto lower = next_smaller(space.sites[s], table.point[s]);
      if (!lower || swap.recipe[s] != table.point[s]) continue;
      const std::int64_t saved = saved_bytes(space.sites[s], table.point[s], *lower);
      const bool ends_it = saved >= excess;
      const double price = ends_it ? table.score[s][*lower] : table.score[s][*lower] / static_cast<double>(saved);
      if (payer && (payer_ends_it != ends_it ? payer_ends_it : least <= price)) continue;
      payer = s;
      payer_ends_it = ends_it;
      least = price;
    }
    if (!payer) return std::nullopt;
    const std::uint8_t lower = *next_smaller(space.sites[*payer], table.point[*payer]);
    swap.recipe[*payer] = lower;
    swap.predicted += table.score[*payer][lower];
  }
  return swap;
}

/// One step down at a site, its bytes spent on the steps up that gain most a byte.
std::optional<Swap> lower_and_spend_best(const SearchSpace& space, const Sensitivities& table, std::size_t lowered,
                                         const Budget& budget) {
  const auto smaller = next_smaller(space.sites[lowered], table.point[lowered]);
  if (!smaller) return std::nullopt;
  Swap swap{table.score[lowered][*smaller], table.point};
  swap.recipe[lowered] = *smaller;
  for (;;) {
    const std::int64_t left = budget.bytes - space.bytes(swap.recipe);
    std::optional<std::size_t> taker;
    double best = 0;
    for (std::size_t s = 0; s < swap.recipe.size(); ++s) {
      const auto larger = next_larger(space.sites[s], table.point[s]);
      if (!larger || swap.recipe[s] != table.point[s]) continue;
      const std::int64_t cost = saved_bytes(space.sites[s], *larger, table.point[s]);
      const double gain = table.score[s][*larger] / static_cast<double>(cost);
      if (cost > left || gain >= best) continue;
      taker = s;
      best = gain;
    }
    if (!taker) return swap;
    const std::uint8_t larger = *next_larger(space.sites[*taker], table.point[*taker]);
    swap.recipe[*taker] = larger;
    swap.predicted += table.score[*taker][larger];
  }
}

}  // namespace

Greedy::Greedy(const SearchProblem& problem, const GreedySettings& settings)
    : ProceduralAlgorithm(problem, default_tokens(problem)),
      settings_(settings),
      point_(richest_recipe(*problem.space)),
      answer_(local_recipe(*problem.space, problem.budget)) {}

Procedure Greedy::run() {
  co_await descend();
  co_await refine();
  phase_ = "done";
}

void Greedy::plan_descent() {
  hold_back(token_limit() - static_cast<std::int64_t>(settings_.descent_share * static_cast<double>(token_limit())));
  const std::int64_t steps = std::max<std::int64_t>(1, steps_down(space(), problem().budget));
  const auto first = static_cast<std::int64_t>(steps_.size()) + 1;
  const auto round = static_cast<std::int64_t>(settings_.batch) + 1;
  windows_ = trial_windows(smallest_rung(problem().windows),
                           first + round * ((steps + settings_.most_steps - 1) / settings_.most_steps),
                           first + 2 * round * steps);
  const std::int64_t rounds = std::max<std::int64_t>(1, (affordable(windows_) - first) / round);
  steps_a_round_ = static_cast<std::size_t>((steps + rounds - 1) / rounds);
}

Recipe Greedy::after(const Step& step) const {
  Recipe recipe = point_;
  recipe[step.site] = step.option;
  return recipe;
}

Procedure Greedy::price(std::vector<std::size_t> which) {
  std::vector<Recipe> batch{point_};
  for (const std::size_t i : which) batch.push_back(after(steps_[i]));
  co_await measure(batch, 0, windows_);
  if (exhausted()) co_return;
  for (const std::size_t i : which) {
    Step& step = steps_[i];
    const double loss = archive().compare(after(step), point_, 0, windows_).difference.mean;
    step.price = loss / static_cast<double>(saved_bytes(space().sites[step.site], point_[step.site], step.option));
    step.fresh = true;
  }
  std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.price < b.price; });
}

void Greedy::take_cheapest() {
  const Recipe before = point_;
  std::size_t taken = 0;
  while (taken < std::min(steps_a_round_, steps_.size()) && steps_[taken].fresh && !fits(point_)) {
    point_ = after(steps_[taken++]);
  }
  std::vector<Step> next;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    Step step = steps_[i];
    step.fresh = step.fresh && taken == 0;
    if (i < taken) {
      const SearchSite& site = space().sites[step.site];
      const std::optional<std::uint8_t> lower = step_down(site, step.option);
      if (!lower) continue;
      const double price = local_price(site, before[step.site], step.option);
      if (price > 0) step.price *= std::max(1.0, local_price(site, step.option, *lower) / price);
      step.option = *lower;
    }
    next.push_back(step);
  }
  steps_ = std::move(next);
  std::stable_sort(steps_.begin(), steps_.end(), [](const Step& a, const Step& b) { return a.price < b.price; });
}

Procedure Greedy::descend() {
  phase_ = "descent";
  for (std::size_t s = 0; s < point_.size(); ++s) {
    if (const auto lower = step_down(space().sites[s], point_[s])) steps_.push_back({s, *lower, 0, false});
  }
  plan_descent();
  std::vector<std::size_t> which(steps_.size());
  std::iota(which.begin(), which.end(), std::size_t{0});
  for (bool priced = false; !fits(point_) && !steps_.empty(); priced = true) {
    co_await price(which);
    if (exhausted() && !priced) break;
    if (exhausted()) {
      for (Step& step : steps_) step.fresh = true;
    }
    take_cheapest();
    which.clear();
    for (std::size_t i = 0; i < steps_.size() && which.size() < settings_.batch; ++i) {
      if (!steps_[i].fresh) which.push_back(i);
    }
  }
  hold_back(0);
  if (fits(point_)) answer_ = spend(space(), point_, problem().budget);
}

std::vector<Recipe> Greedy::promising_swaps(const Sensitivities& table) const {
  std::vector<Swap> swaps;
  for (std::size_t s = 0; s < answer_.size(); ++s) {
    for (auto& swap : {raise_and_pay_least(space(), table, s, problem().budget),
                       lower_and_spend_best(space(), table, s, problem().budget)}) {
      if (swap && swap->predicted < 0) swaps.push_back(*swap);
    }
  }
  std::stable_sort(swaps.begin(), swaps.end(), [](const Swap& a, const Swap& b) { return a.predicted < b.predicted; });
  std::vector<Recipe> recipes;
  for (const Swap& swap : swaps) {  // on top of the swaps made since, where it touches none of their sites
    Recipe recipe = answer_;
    bool apart = true;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      if (swap.recipe[s] == table.point[s]) continue;
      apart = apart && answer_[s] == table.point[s];
      recipe[s] = swap.recipe[s];
    }
    if (!apart || !fits(recipe) || tried_.contains(recipe)) continue;
    if (std::find(recipes.begin(), recipes.end(), recipe) == recipes.end()) recipes.push_back(std::move(recipe));
  }
  if (recipes.size() > settings_.batch) recipes.resize(settings_.batch);
  return recipes;
}

Procedure Greedy::refine() {
  phase_ = "refinement";
  tried_ = {answer_};
  const auto steps = static_cast<std::int64_t>(single_swaps(space(), answer_, SwapChoice::neighbours).size());
  std::int64_t rung = trial_windows(smallest_rung(problem().windows), 2 * (steps + 1), 100 * (steps + 1));
  while (!exhausted()) {
    std::vector<Recipe> batch = single_swaps(space(), answer_, SwapChoice::neighbours);
    if (batch.empty() || affordable(rung) < static_cast<std::int64_t>(batch.size()) + 1) break;
    batch.insert(batch.begin(), answer_);
    co_await measure(batch, 0, rung);
    const Sensitivities table = tabulate(space(), archive(), answer_, nullptr);
    bool improved = false;
    for (std::vector<Recipe> swaps = promising_swaps(table); !swaps.empty() && !exhausted();
         swaps = promising_swaps(table)) {
      bool moved = false;
      co_await race(swaps, moved);
      improved = improved || moved;
    }
    if (!improved && rung == problem().windows) break;
    if (!improved) rung = std::min(problem().windows, 2 * rung);
  }
}

Procedure Greedy::race(std::vector<Recipe> candidates, bool& moved) {
  const std::int64_t rung = smallest_rung(problem().windows);
  tried_.insert(candidates.begin(), candidates.end());
  std::vector<Recipe> batch = candidates;
  batch.insert(batch.begin(), answer_);
  co_await measure(batch, 0, rung);
  if (exhausted()) co_return;
  std::stable_sort(candidates.begin(), candidates.end(), [&](const Recipe& a, const Recipe& b) {
    return archive().mean(a, 0, rung).mean < archive().mean(b, 0, rung).mean;
  });
  if (candidates.size() > 2) candidates.resize(2);
  candidates.push_back(answer_);
  co_await measure(candidates, 0, problem().windows);
  if (exhausted()) co_return;
  for (const Recipe& each : candidates) {
    if (archive().compare(each, answer_, 0, problem().windows).difference.mean >= 0) continue;
    answer_ = each;
    moved = true;
  }
}

std::vector<Finalist> Greedy::finalists() const {
  return {{"greedy", answer_}};
}

std::string Greedy::status() const {
  std::ostringstream text;
  text << "greedy: " << phase_;
  const std::int64_t known = archive().known_from_start(answer_);
  if (phase_ == "descent") {
    text << ", " << space().bytes(point_) << " of " << problem().budget.bytes << " bytes";
  } else if (known > 0) {
    text << ", " << loss_name(problem().objective) << " " << std::setprecision(4)
         << archive().mean(answer_, 0, known).mean << " on " << known << " windows";
  }
  return text.str();
}

}  // namespace pare::search
