// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/pare.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <sstream>
#include <utility>

#include "search/algorithm/contest.hpp"
#include "search/algorithm/group_survey.hpp"
#include "search/algorithm/proposals.hpp"
#include "search/algorithm/sensitivity.hpp"
#include "search/algorithm/survey.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// What option `o` at site `s` of `y` is as a single change of the point: of the whole unit where the form changes.
Recipe single_change(const SearchSpace& space, const Recipe& point, const Recipe& y, std::size_t s) {
  const std::string& form = space.sites[s].options[y[s]].form;
  if (form != space.sites[s].options[point[s]].form) {
    for (const Unit& unit : space.units()) {
      if (std::find(unit.begin(), unit.end(), s) != unit.end()) return with_form(space, point, unit, form);
    }
  }
  Recipe changed = point;
  changed[s] = y[s];
  return changed;
}

}  // namespace

Pare::Pare(const SearchProblem& problem, const PareSettings& settings)
    : ProceduralAlgorithm(problem, default_tokens(problem)),
      settings_(settings),
      race_rungs_(choose_rungs()),
      rung_(std::min<std::int64_t>(2, problem.windows)),
      radius_(problem.space->sites.size()),
      shape_(local_scores(*problem.space)),
      incumbent_(local_recipe(*problem.space, problem.budget)),
      local_(incumbent_),
      screen_(settings.screen_bar) {
  if (problem.start && fits(*problem.start)) incumbent_ = *problem.start;
}

Procedure Pare::run() {
  hold_back_for_confirmation();
  co_await survey();
  co_await choose_start();
  int failures = 0;
  while (!exhausted() && failures < settings_.patience) {
    co_await sense();
    if (exhausted()) break;
    bool moved = false;
    co_await step(failures > 0, moved);
    failures = moved ? 0 : failures + 1;
    if (!moved) rung_ = std::min(race_rungs_.back(), 2 * rung_);
  }
  co_await confirm();
}

std::vector<std::int64_t> Pare::choose_rungs() const {
  if (!problem().rungs.empty()) return rungs();
  // A test of paired differences takes two windows, and every domain has to be seen.
  const std::int64_t least = std::max<std::int64_t>(2, std::ssize(problem().objective.domains));
  const double most =
      settings_.race_share * static_cast<double>(token_limit()) / static_cast<double>(problem().window_length);
  return rungs_within(rungs(), settings_.entrants, std::llround(most), least);
}

std::int64_t Pare::survey_windows(std::int64_t tokens, std::size_t swaps) const {
  const auto one_window = static_cast<double>(swaps + 1) * static_cast<double>(problem().window_length);
  return std::llround(settings_.survey_share * static_cast<double>(tokens) / one_window);
}

Procedure Pare::survey() {
  phase_ = "survey";
  const Recipe full = richest_recipe(space());
  const std::vector<Recipe> all = single_swaps(space(), full, SwapChoice::all);
  std::vector<Recipe> batch = survey_swaps(space(), all, full, local_);
  // The searches of a front ask for nearly every option between them, and what one asked for is known to the next.
  std::int64_t count = problem().front_tokens > 0 ? survey_windows(problem().front_tokens, all.size())
                                                  : survey_windows(token_limit(), batch.size());
  const bool by_groups = count == 0;
  if (by_groups) {
    batch = group_swaps(space(), full, local_);
    count = std::max<std::int64_t>(1, survey_windows(token_limit(), batch.size()));
  }
  count = std::min(count, problem().windows);
  batch.insert(batch.begin(), full);
  if (batch.size() < 2 || unknown_windows(batch, count) > affordable(1)) co_return;
  const auto first_window = static_cast<double>(unknown_windows(batch, 1) * problem().window_length);
  if (by_groups && first_window > settings_.group_share * static_cast<double>(token_limit())) co_return;
  co_await measure(batch, 0, count);
  block_ = count;
  if (!archive().knows(full, 0, count) || archive().failed(full)) co_return;
  shape_ = by_groups ? group_shape(space(), prices(), full, local_) : survey_shape(space(), prices(), full);
  additive_ = allocate(space(), shape_, problem().budget);
}

Procedure Pare::choose_start() {
  phase_ = "start";
  std::vector<Recipe> starts = fitting_uniforms(space(), problem().budget);
  if (starts.size() > 1) starts.resize(1);
  starts.push_back(local_);
  if (additive_) starts.push_back(*additive_);
  if (problem().start) {
    if (const auto fitting = repair(space(), settle(space(), *problem().start), problem().budget)) {
      start_ = spend(space(), *fitting, problem().budget);
      starts.push_back(*start_);
    }
  }
  const std::int64_t rung = race_rungs_.front();
  co_await measure(starts, 0, rung);
  const std::vector<Recipe> best = archive().best(1, 0, rung, [&](const Recipe& recipe) { return fits(recipe); });
  if (!best.empty()) incumbent_ = best.front();
}

LossModel Pare::learned() const {
  LossModel model(space(), shape_, incumbent_, prices().mean_known(incumbent_).mean, settings_.model);
  model.learn(prices(), hubs_);
  return model;
}

Procedure Pare::sense() {
  phase_ = "sensitivities";
  if (std::find(hubs_.begin(), hubs_.end(), incumbent_) == hubs_.end()) hubs_.push_back(incumbent_);
  const LossModel model = learned();
  DecisionRandom random = next_decision();
  std::map<Recipe, int> votes;
  for (int i = 0; i < settings_.draws; ++i) {
    const auto y = allocate(space(), model.draw(random), problem().budget);
    if (!y) continue;
    for (std::size_t s = 0; s < y->size(); ++s) {
      if ((*y)[s] != incumbent_[s]) ++votes[single_change(space(), incumbent_, *y, s)];
    }
  }
  std::vector<std::pair<int, Recipe>> ranked;
  for (const auto& [recipe, count] : votes) ranked.emplace_back(-count, recipe);
  std::sort(ranked.begin(), ranked.end());

  const double tokens = settings_.sense_share * static_cast<double>(token_limit());
  const double each = static_cast<double>(rung_ * problem().window_length);
  const auto most = std::max<std::size_t>(4, static_cast<std::size_t>(tokens / each));
  std::vector<Recipe> batch{incumbent_};
  for (std::size_t i = 0; i < std::min(most, ranked.size()); ++i) batch.push_back(ranked[i].second);
  if (block_ + rung_ > problem().windows) block_ = 0;
  co_await measure(batch, block_, rung_);
  block_ += rung_;
}

std::vector<Recipe> Pare::screened(std::vector<Recipe> found, const Scores& predicted, DecisionRandom& random) const {
  std::erase_if(found, [&](const Recipe& each) { return archive().failed(each); });
  if (screen_.trusted()) {
    std::stable_sort(found.begin(), found.end(), [&](const Recipe& a, const Recipe& b) {
      return total_score(predicted, a) < total_score(predicted, b);
    });
  } else {
    random.shuffle(found);
  }
  if (found.size() > settings_.entrants) found.resize(settings_.entrants);
  return found;
}

Procedure Pare::step(bool refine, bool& moved) {
  const LossModel model = learned();
  const Scores mean = model.mean();
  DecisionRandom random = next_decision();
  const Budget& budget = problem().budget;
  std::vector<Recipe> found = steps(space(), model, budget, radius_, 3, random);
  std::erase_if(found, [&](const Recipe& each) { return total_score(mean, each) >= 0; });
  if (refine) {
    const auto parents =
        archive().best(8, 0, race_rungs_.front(), [this](const Recipe& recipe) { return fits(recipe); });
    for (Recipe& each : refinements(space(), model, budget, parents, settings_.draws, random)) {
      if (archive().known_from_start(each) >= race_rungs_.front()) continue;
      if (std::find(found.begin(), found.end(), each) == found.end()) found.push_back(std::move(each));
    }
  }
  phase_ = refine ? "refinement" : "trust region " + std::to_string(radius_);
  const std::vector<Recipe> challengers = screened(std::move(found), mean, random);
  co_await race_against_incumbent(challengers, mean, moved);
}

Procedure Pare::race_against_incumbent(std::vector<Recipe> challengers, const Scores& predicted, bool& moved) {
  moved = false;
  const Recipe before = incumbent_;
  std::vector<Recipe> fresh = challengers;
  std::erase_if(fresh, [&](const Recipe& each) { return archive().known_from_start(each) > 0; });
  challengers.insert(challengers.begin(), incumbent_);
  Race contest(std::move(challengers), {.rungs = race_rungs_,
                                        .confidence = settings_.race_confidence,
                                        .share = 0.5,
                                        .accept = settings_.accept_confidence});
  co_await race(contest);
  for (const Recipe& each : fresh) {
    const PairedComparison seen = prices().compare(each, before);
    if (seen.windows > 0) screen_.add(total_score(predicted, each), seen.difference.mean);
  }
  const Recipe& leader = contest.leader();
  if (contest.seen() == 0 || leader == before) {
    radius_ = std::max<std::size_t>(4, radius_ / 2);
    co_return;
  }
  if (archive().compare(leader, before).confidence < settings_.final_confidence) co_return;
  incumbent_ = leader;
  moved = true;
  const std::size_t step_size = changes(before, leader);
  const double promised = total_score(predicted, leader);
  const bool kept = promised < 0 && prices().compare(leader, before).difference.mean < 0.5 * promised;
  radius_ = std::min(space().sites.size(), std::max<std::size_t>(4, kept ? 2 * step_size : step_size));
}

Procedure Pare::confirm() {
  phase_ = "confirmation";
  hold_back(0);
  std::vector<Recipe> contestants{incumbent_};
  if (start_) contestants.push_back(*start_);
  if (additive_) contestants.push_back(*additive_);
  contestants.push_back(local_);
  const std::vector<Recipe> uniforms = fitting_uniforms(space(), problem().budget);
  if (!uniforms.empty()) contestants.push_back(uniforms.front());
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

SearchFigures Pare::figures() const {
  SearchFigures figures = ProceduralAlgorithm::figures();
  figures.surrogate_correlation = screen_.correlation();
  figures.surrogate_trials = std::ssize(screen_.predictions());
  figures.predictions = screen_.predictions();
  return figures;
}

std::string Pare::status() const {
  std::ostringstream text;
  text << "pare: " << phase_;
  const std::int64_t known = archive().known_from_start(incumbent_);
  if (known > 0) {
    text << ", " << loss_name(problem().objective) << " " << std::setprecision(4)
         << archive().mean(incumbent_, 0, known).mean << " on " << known << " windows";
  }
  return text.str();
}

}  // namespace pare::search
