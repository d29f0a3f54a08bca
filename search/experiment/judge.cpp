// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/judge.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/core/contract.hpp"
#include "search/algorithm/contest.hpp"

namespace pare::search {

std::vector<Finalist> final_field(const SearchSpace& space, const Budget& budget, std::vector<Finalist> finalists) {
  std::vector<Finalist> field = std::move(finalists);
  for (const Finalist& uniform : uniform_contestants(space, budget)) {
    const auto same =
        std::find_if(field.begin(), field.end(), [&](const Finalist& f) { return f.recipe == uniform.recipe; });
    if (same == field.end()) {
      field.push_back(uniform);
    } else {
      same->name = uniform.name;  // the plainer name says more
    }
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
  contestant.kl = estimate(trial.kl);
  contestant.perplexity = std::exp(estimate(trial.nll).mean);
  return contestant;
}

Verdict judge(const SearchSpace& space, const Budget& budget, std::span<const Finalist> field,
              std::span<const Trial> trials) {
  EXPECT(!field.empty() && field.size() == trials.size());
  Verdict verdict;
  verdict.budget_bytes = budget.bytes;
  for (std::size_t i = 0; i < field.size(); ++i) {
    verdict.contestants.push_back(make_contestant(space, budget, field[i].name, trials[i]));
  }
  ENSURE(verdict.contestants.front().fits, field.front().name);
  for (std::size_t i = 1; i < field.size(); ++i) {
    const Contestant& contestant = verdict.contestants[i];
    if (contestant.fits && contestant.kl.mean < verdict.contestants[verdict.winner].kl.mean) verdict.winner = i;
  }
  return verdict;
}

}  // namespace pare::search
