// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/pare.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <set>
#include <sstream>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

std::int64_t power_of_two_at_most(double x) {
  std::int64_t power = 1;
  while (static_cast<double>(2 * power) <= x) power *= 2;
  return power;
}

}  // namespace

Pare::Pare(const SearchProblem& problem, const PareSettings& settings)
    : ProceduralAlgorithm(problem, default_tokens(problem)),
      settings_(settings),
      radius_(problem.space->sites.size()),
      incumbent_(local_recipe(*problem.space, problem.budget)),
      local_(incumbent_) {}

Procedure Pare::run() {
  const std::int64_t full = problem().windows * problem().window_length;
  hold_back(std::min(4 * full, token_limit() / 8));
  co_await choose_start();
  SwapChoice choice = SwapChoice::anchors;
  int without_success = 0;
  while (without_success <= settings_.refinements) {
    bool sensed = false;
    co_await sense(choice, sensed);
    if (!sensed) break;
    bool moved = false;
    co_await step(moved);
    const std::vector<Recipe> neighbours = single_swaps(space(), incumbent_, SwapChoice::neighbours);
    if (neighbours.empty()) break;  // one option a site: there is nothing to choose
    if (!moved && archive().known_from_start(neighbours.front()) == problem().windows) {
      choice = SwapChoice::all;
      co_await refine(moved);
    }
    without_success = moved ? 0 : without_success + 1;
    if (moved) choice = SwapChoice::neighbours;
    if (exhausted()) break;
  }
  co_await confirm();
}

Procedure Pare::choose_start() {
  const std::vector<Recipe> swaps = single_swaps(space(), incumbent_, SwapChoice::anchors);
  const double one_window =
      static_cast<double>(std::max<std::size_t>(swaps.size(), 1)) * static_cast<double>(problem().window_length);
  rung_ = std::min(problem().windows,
                   power_of_two_at_most(settings_.first_share * static_cast<double>(token_limit()) / one_window));

  std::vector<Recipe> starts = fitting_uniforms(space(), problem().budget);
  if (starts.size() > 2) starts.resize(2);
  starts.push_back(local_);
  if (problem().start) {
    if (const auto start = repair(space(), settle(space(), *problem().start), problem().budget)) {
      starts.push_back(spend(space(), *start, problem().budget));
    }
  }
  co_await measure(starts, 0, rung_);
  const std::vector<Recipe> best = archive().best(1, 0, rung_, [&](const Recipe& recipe) { return fits(recipe); });
  if (!best.empty()) incumbent_ = best.front();
}

Procedure Pare::sense(SwapChoice choice, bool& done) {
  phase_ = "sensitivities";
  done = false;
  std::vector<Recipe> batch = single_swaps(space(), incumbent_, choice);
  batch.insert(batch.begin(), incumbent_);
  std::int64_t count = rung_;
  while (count > 1 && affordable(count) < static_cast<std::int64_t>(batch.size())) count /= 2;
  if (affordable(count) < static_cast<std::int64_t>(batch.size())) co_return;
  if (block_ + count > problem().windows) block_ = 0;
  co_await measure(batch, block_, count);
  block_ += count;
  const Sensitivities previous = std::move(table_);
  table_ = tabulate(space(), archive(), incumbent_, previous.point.empty() ? nullptr : &previous);
  if (!additive_) additive_ = allocate(space(), table_.score, problem().budget);
  done = true;
}

double Pare::predicted(const Recipe& recipe) const {
  return total_score(table_.score, recipe);
}

Procedure Pare::step(bool& moved) {
  std::size_t radius = radius_;
  std::set<Recipe> tried{incumbent_};
  moved = false;
  while (radius >= 1 && !moved && !exhausted()) {
    std::vector<Recipe> candidates;
    for (; radius >= 1 && candidates.size() < 4; radius /= 2) {
      const std::optional<Recipe> y =
          allocate(space(), table_.score, problem().budget, TrustRegion{incumbent_, radius});
      if (!y || predicted(*y) >= 0) break;
      if (tried.insert(*y).second) candidates.push_back(*y);
    }
    if (candidates.empty()) break;
    phase_ = "trust region " + std::to_string(changes(candidates.front(), incumbent_));
    const Recipe before = incumbent_;
    co_await race(candidates, moved);
    if (!moved) continue;
    const std::size_t step_size = changes(before, incumbent_);
    const double ratio = archive().compare(incumbent_, before).difference.mean / predicted(incumbent_);
    radius_ = std::min(space().sites.size(), std::max<std::size_t>(2, ratio > 0.5 ? 2 * step_size : step_size));
  }
  if (!moved) radius_ = std::max<std::size_t>(4, radius_ / 2);
}

Procedure Pare::race(std::vector<Recipe> candidates, bool& moved) {
  moved = false;
  std::int64_t rung = std::min(problem().windows, 2 * rung_);
  while (!candidates.empty()) {
    std::vector<Recipe> batch = candidates;
    batch.insert(batch.begin(), incumbent_);
    co_await measure(batch, 0, rung);
    if (exhausted()) co_return;
    const auto confidence = [&](const Recipe& c) { return archive().compare(c, incumbent_, 0, rung).confidence; };
    std::erase_if(candidates, [&](const Recipe& c) { return confidence(c) < settings_.drop_confidence; });
    if (candidates.empty()) co_return;
    std::stable_sort(candidates.begin(), candidates.end(), [&](const Recipe& a, const Recipe& b) {
      return archive().mean(a, 0, rung).mean < archive().mean(b, 0, rung).mean;
    });
    const double best = confidence(candidates.front());
    const bool last = rung == problem().windows;
    if (best >= settings_.accept_confidence || (last && best >= settings_.final_confidence)) {
      incumbent_ = candidates.front();
      moved = true;
      co_return;
    }
    if (last) co_return;
    candidates.resize((candidates.size() + 1) / 2);
    rung = std::min(problem().windows, 2 * rung);
  }
}

std::vector<Recipe> Pare::refinements(DecisionRandom& random) const {
  const std::size_t sites = space().sites.size();
  const Budget& budget = problem().budget;
  std::vector<Recipe> found;
  for (int draw = 0; draw < 5; ++draw) {
    Scores drawn = table_.score;
    for (std::size_t s = 0; s < sites; ++s) {
      for (std::size_t o = 0; o < drawn[s].size(); ++o) drawn[s][o] += table_.error[s][o] * random.normal();
    }
    const TrustRegion region{incumbent_, static_cast<std::size_t>(random.between(2, 6))};
    if (const auto y = allocate(space(), drawn, budget, region)) found.push_back(*y);
  }
  const SearchSite& site = space().sites[random.below(static_cast<std::uint32_t>(sites))];
  if (const auto y = raise_kind(space(), incumbent_, budget, site.kind, random)) found.push_back(*y);
  if (const auto y = raise_layer(space(), incumbent_, budget, site.layer, random)) found.push_back(*y);
  const std::vector<Recipe> parents =
      archive().best(8, 0, std::min(problem().windows, 2 * rung_), [&](const Recipe& recipe) { return fits(recipe); });
  if (!parents.empty()) {
    const Recipe& parent = parents[random.below(static_cast<std::uint32_t>(parents.size()))];
    if (const auto y = cross(space(), incumbent_, parent, budget, random)) found.push_back(*y);
  }
  std::erase(found, incumbent_);
  std::stable_sort(found.begin(), found.end(),
                   [&](const Recipe& a, const Recipe& b) { return predicted(a) < predicted(b); });
  found.erase(std::unique(found.begin(), found.end()), found.end());
  if (found.size() > 4) found.resize(4);
  return found;
}

Procedure Pare::refine(bool& moved) {
  phase_ = "refinement";
  moved = false;
  for (int batch = 0; batch < settings_.refinements && !moved && !exhausted(); ++batch) {
    DecisionRandom random = next_decision();
    const std::vector<Recipe> candidates = refinements(random);
    co_await race(candidates, moved);
  }
}

Procedure Pare::confirm() {
  phase_ = "confirmation";
  hold_back(0);
  std::vector<Recipe> contestants{incumbent_};
  if (additive_ && fits(*additive_)) contestants.push_back(*additive_);
  contestants.push_back(local_);
  for (const Recipe& uniform : fitting_uniforms(space(), problem().budget)) {
    contestants.push_back(uniform);
    break;
  }
  co_await measure(contestants, 0, problem().windows);
  const std::vector<Recipe> best =
      archive().best(1, 0, problem().windows, [&](const Recipe& recipe) { return fits(recipe); });
  if (!best.empty() && archive().knows(incumbent_, 0, problem().windows)) incumbent_ = best.front();
  phase_ = "done";
}

std::vector<Finalist> Pare::finalists() const {
  std::vector<Finalist> list{{"pare", incumbent_}};
  if (additive_) list.push_back({"additive-ilp", *additive_});
  list.push_back({"local-ilp", local_});
  return list;
}

std::string Pare::status() const {
  std::ostringstream text;
  text << "pare: " << phase_;
  const std::int64_t known = archive().known_from_start(incumbent_);
  if (known > 0) {
    text << ", mean KL " << std::setprecision(4) << archive().mean(incumbent_, 0, known).mean << " on " << known
         << " windows";
  }
  return text.str();
}

}  // namespace pare::search
