// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/procedural_algorithm.hpp"

#include <algorithm>
#include <set>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

const SearchProblem& checked(const SearchProblem& problem) {
  EXPECT(problem.space != nullptr, "a problem without a space");
  VALIDATE(!problem.space->sites.empty(),
           "nothing to search (the space has no sites), check which layers are excluded");
  VALIDATE(problem.windows > 0 && problem.window_length > 0, "search windows: ", problem.windows, " of ",
           problem.window_length, " tokens (both must be at least 1)");
  VALIDATE(problem.space->smallest_bytes() <= problem.budget.bytes, "budget: ", problem.budget.bytes,
           " bytes (no recipe fits), the smallest possible is ", problem.space->smallest_bytes(), " bytes");
  EXPECT(problem.budget.fits(*problem.space, problem.budget.cheapest(*problem.space)), "no recipe is known to fit");
  VALIDATE(problem.token_limit >= 0, "token limit: ", problem.token_limit,
           " (it must not be negative), 0 for the default");
  EXPECT(problem.objective.domains.empty() || std::ssize(problem.objective.search) == problem.windows);
  EXPECT(!problem.start || problem.start->size() == problem.space->sites.size(), "a start of another space");
  return problem;
}

}  // namespace

ProceduralAlgorithm::ProceduralAlgorithm(const SearchProblem& problem, std::int64_t default_token_limit)
    : problem_(checked(problem)),
      token_limit_(problem.token_limit > 0 ? problem.token_limit : default_token_limit),
      rungs_(problem.rungs.empty() ? default_rungs(problem.windows)
                                   : rungs_of_tokens(problem.rungs, problem.window_length, problem.windows)),
      archive_(problem.windows, WindowLoss(problem.objective, WindowSet::search)) {
  if (problem.objective.metric != Metric::accuracy) return;
  Objective by_kl = problem.objective;
  by_kl.metric = Metric::kl;
  kl_archive_.emplace(problem.windows, WindowLoss(by_kl, WindowSet::search));
}

void ProceduralAlgorithm::learn(std::span<const Trial> trials) {
  EXPECT(!started_, "learn() after the first ask()");
  for (const Trial& trial : trials) {
    if (trial.request.set == WindowSet::search) keep(trial);
  }
}

std::vector<EvaluationRequest> ProceduralAlgorithm::ask() {
  EXPECT(awaited_ == 0, "ask() before ", awaited_, " trials were told");
  if (!started_) procedure_ = run();
  started_ = true;
  std::vector<EvaluationRequest> batch = procedure_.next();
  awaited_ = batch.size();
  return batch;
}

void ProceduralAlgorithm::tell(std::span<const Trial> trials) {
  EXPECT(trials.size() == awaited_, trials.size(), " trials told for ", awaited_, " requests");
  for (const Trial& trial : trials) keep(trial);
  awaited_ = 0;
}

void ProceduralAlgorithm::keep(const Trial& trial) {
  archive_.add(trial);
  if (kl_archive_) kl_archive_->add(trial);
}

std::int64_t ProceduralAlgorithm::unknown_windows(const std::vector<Recipe>& recipes, std::int64_t count) const {
  std::int64_t windows = 0;
  for (const Recipe& recipe : std::set<Recipe>(recipes.begin(), recipes.end())) {
    for (const EvaluationRequest& request : archive_.missing(recipe, 0, count)) windows += request.count;
  }
  return windows;
}

std::int64_t ProceduralAlgorithm::affordable(std::int64_t windows) const {
  return std::max<std::int64_t>(token_limit_ - held_back_ - tokens_asked_, 0) / (windows * problem_.window_length);
}

void ProceduralAlgorithm::hold_back(std::int64_t tokens) {
  held_back_ = tokens;
  exhausted_ = false;
}

void ProceduralAlgorithm::append(const std::vector<EvaluationRequest>& requests,
                                 std::vector<EvaluationRequest>& batch) {
  std::int64_t tokens = 0;
  for (const EvaluationRequest& request : requests) tokens += request.count * problem_.window_length;
  if (exhausted_ || tokens_asked_ + tokens > token_limit_ - held_back_) {
    exhausted_ = exhausted_ || tokens > 0;
    return;
  }
  tokens_asked_ += tokens;
  batch.insert(batch.end(), requests.begin(), requests.end());
}

Procedure ProceduralAlgorithm::measure(std::vector<Recipe> recipes, std::int64_t begin, std::int64_t count) {
  std::vector<EvaluationRequest> batch;
  std::set<Recipe> seen;
  for (const Recipe& recipe : recipes) {
    if (seen.insert(recipe).second) append(archive_.missing(recipe, begin, count), batch);
  }
  if (!batch.empty()) co_yield std::move(batch);
}

Procedure ProceduralAlgorithm::measure_anew(std::vector<Recipe> recipes, std::int64_t begin, std::int64_t count) {
  std::vector<EvaluationRequest> batch;
  for (const Recipe& recipe : recipes) append({{recipe, WindowSet::search, begin, count}}, batch);
  if (!batch.empty()) co_yield std::move(batch);
}

Procedure ProceduralAlgorithm::race(Race& race) {
  while (!race.done()) {
    co_await measure(race.racing(), 0, race.windows());
    if (exhausted()) break;
    race.look(archive_);
  }
  figures_.races.add(race.counts());
}

std::int64_t ProceduralAlgorithm::trial_windows(std::int64_t usual, std::int64_t least, std::int64_t most) const {
  std::int64_t count = usual;
  while (count > 1 && affordable(count) < least) count /= 2;
  while (count < problem_.windows && affordable(std::min(2 * count, problem_.windows)) >= most) {
    count = std::min(2 * count, problem_.windows);
  }
  return count;
}

void ProceduralAlgorithm::hold_back_for_confirmation() {
  hold_back(std::min(4 * problem_.windows * problem_.window_length, token_limit_ / 8));
}

Procedure ProceduralAlgorithm::confirm(std::int64_t count, Recipe& answer) {
  const auto admitted = [this](const Recipe& recipe) { return fits(recipe); };
  hold_back(0);
  const std::vector<Recipe> few = archive_.best(4, 0, count, admitted);
  if (few.empty()) co_return;
  answer = few.front();
  co_await measure(few, 0, problem_.windows);
  const std::vector<Recipe> best = archive_.best(1, 0, problem_.windows, admitted);
  if (!best.empty()) answer = best.front();
}

Recipe richest_recipe(const SearchSpace& space) {
  return space.largest_recipe();
}

std::size_t most_options(const SearchSpace& space) {
  std::size_t most = 0;
  for (const SearchSite& site : space.sites) most = std::max(most, site.options.size());
  return most;
}

std::int64_t smallest_rung(std::int64_t windows) {
  return std::clamp<std::int64_t>(windows / 8, std::min<std::int64_t>(windows, 4), 16);
}

std::int64_t default_tokens(const SearchProblem& problem) {
  std::int64_t options = 0;
  for (const SearchSite& site : problem.space->sites) options += static_cast<std::int64_t>(site.options.size());
  return 2 * options * smallest_rung(problem.windows) * problem.window_length;
}

}  // namespace pare::search
