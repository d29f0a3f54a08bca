// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/ilp.hpp"

#include <algorithm>

#include "search/algorithm/contest.hpp"
#include "search/algorithm/sensitivity.hpp"

namespace pare::search {

Ilp::Ilp(const SearchProblem& problem)
    : ProceduralAlgorithm(problem, default_tokens(problem)), answer_(local_recipe(*problem.space, problem.budget)) {}

Procedure Ilp::run() {
  const Recipe reference = richest_recipe(space());
  std::vector<Recipe> batch;
  for (const SwapChoice choice : {SwapChoice::all, SwapChoice::anchors}) {
    batch = single_swaps(space(), reference, choice);
    changes_ = batch.size();
    batch.insert(batch.begin(), reference);
    windows_ = std::min(problem().windows, affordable(1) / static_cast<std::int64_t>(batch.size()));
    if (windows_ > 0) break;
  }
  if (changes_ == 0 || windows_ == 0) co_return;
  co_await measure(batch, 0, windows_);
  const Sensitivities table = tabulate(space(), archive(), reference, nullptr);
  if (const auto solution = allocate(space(), table.score, problem().budget)) answer_ = *solution;
  solved_ = true;
}

std::vector<Finalist> Ilp::finalists() const {
  return {{"ilp", answer_}};
}

std::string Ilp::status() const {
  if (windows_ == 0) return "ilp: without data";
  return "ilp: " + std::to_string(changes_) + " single changes on " + std::to_string(windows_) + " windows" +
         (solved_ ? ", solved" : "");
}

}  // namespace pare::search
