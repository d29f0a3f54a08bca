// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/judge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/algorithm/contest.hpp"
#include "search/objective/window_loss.hpp"

namespace pare::search {
namespace {

/// What the objective makes of each trial.
std::vector<double> losses_of(const Objective& objective, std::span<const Trial> trials) {
  const WindowLoss loss(objective, WindowSet::holdout);
  std::vector<double> losses;
  for (const Trial& trial : trials) losses.push_back(loss.mean(loss.values(trial), trial.request.begin).mean);
  return losses;
}

}  // namespace

std::vector<Finalist> final_field(const SearchSpace& space, const Budget& budget, std::vector<Finalist> finalists) {
  std::vector<Finalist> field = std::move(finalists);
  for (const Finalist& plain : plain_contestants(space, budget)) {
    const auto same =
        std::find_if(field.begin(), field.end(), [&](const Finalist& f) { return f.recipe == plain.recipe; });
    if (same == field.end()) {
      field.push_back(plain);
    } else {
      same->name = plain.name;  // the plainer name says more
    }
  }
  return field;
}

std::vector<Finalist> final_field(const SearchSpace& space, const std::vector<Budget>& budgets,
                                  const std::vector<std::vector<Finalist>>& finalists) {
  if (budgets.size() == 1) return final_field(space, budgets.front(), finalists.front());
  std::vector<Finalist> field;
  const auto add = [&](Finalist finalist, bool plain) {
    const auto same = std::ranges::find(field, finalist.recipe, &Finalist::recipe);
    if (same == field.end()) {
      field.push_back(std::move(finalist));
    } else if (plain) {
      same->name = finalist.name;
    }
  };
  for (std::size_t b = 0; b < budgets.size(); ++b) {
    const double bits = space.bits_per_weight(budgets[b].bytes);
    for (const Finalist& each : finalists[b]) add({fmt::format("{} @{:.3f}", each.name, bits), each.recipe}, false);
    for (const Finalist& plain : plain_contestants(space, budgets[b])) add(plain, true);
  }
  return field;
}

Contestant make_contestant(const SearchSpace& space, const Budget& budget, const std::string& name,
                           const Trial& trial) {
  Contestant contestant;
  contestant.name = name;
  contestant.recipe = trial.request.recipe;
  contestant.bytes = space.bytes(contestant.recipe);
  contestant.bits_per_weight = space.bits_per_weight(contestant.bytes);
  contestant.fits = budget.fits(space, contestant.recipe);
  contestant.window_kl = trial.kl;
  contestant.window_nll = trial.nll;
  contestant.window_wrong = trial.wrong;
  contestant.kl = estimate(trial.kl);
  contestant.perplexity = std::exp(estimate(trial.nll).mean);
  return contestant;
}

Verdict judge(const SearchSpace& space, const Budget& budget, const Objective& objective,
              std::span<const Finalist> field, std::span<const Trial> trials) {
  EXPECT(!field.empty() && field.size() == trials.size());
  Verdict verdict;
  verdict.budget_bytes = budget.bytes;
  verdict.limits = budget.limits;
  for (std::size_t i = 0; i < field.size(); ++i) {
    verdict.contestants.push_back(make_contestant(space, budget, field[i].name, trials[i]));
  }
  ENSURE(verdict.contestants.front().fits, field.front().name);
  const std::vector<double> losses = losses_of(objective, trials);
  for (std::size_t i = 1; i < field.size(); ++i) {
    if (verdict.contestants[i].fits && losses[i] < losses[verdict.winner]) verdict.winner = i;
  }
  return verdict;
}

Verdict judge(const SearchSpace& space, const std::vector<Budget>& budgets, const Objective& objective,
              std::span<const Finalist> field, std::span<const Trial> trials) {
  Verdict verdict = judge(space, budgets.front(), objective, field, trials);
  if (budgets.size() == 1) return verdict;
  const std::vector<double> losses = losses_of(objective, trials);
  std::vector<Recipe> uniforms;
  for (const std::string& name : space.uniform_options()) uniforms.push_back(*space.uniform(name));
  for (auto budget = budgets.rbegin(); budget != budgets.rend(); ++budget) {
    std::optional<std::size_t> winner, uniform;
    for (std::size_t i = 0; i < verdict.contestants.size(); ++i) {
      const Contestant& each = verdict.contestants[i];
      if (!budget->fits(space, each.recipe)) continue;
      const auto better = [&](const std::optional<std::size_t>& best) { return !best || losses[i] < losses[*best]; };
      if (better(winner)) winner = i;
      if (std::ranges::find(uniforms, each.recipe) != uniforms.end() && better(uniform)) uniform = i;
    }
    ENSURE(winner.has_value(), "nobody fits ", budget->bytes, " bytes");
    verdict.front.push_back({budget->bytes, budget->limits, *winner, uniform});
  }
  return verdict;
}

}  // namespace pare::search
