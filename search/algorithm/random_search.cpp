// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/random_search.hpp"

#include <algorithm>
#include <set>

#include "search/algorithm/contest.hpp"
#include "search/space/moves.hpp"

namespace pare::search {

RandomSearch::RandomSearch(const SearchProblem& problem) : ProceduralAlgorithm(problem, default_tokens(problem)) {
  DecisionRandom random = next_decision();
  ranked_.push_back(random_recipe(space(), problem.budget, random));
}

Procedure RandomSearch::run() {
  std::set<std::int64_t> rungs;
  for (const std::int64_t divisor : {64, 16, 4, 1}) {
    rungs.insert(std::max<std::int64_t>(1, problem().windows / divisor));
  }
  const std::int64_t share = token_limit() / static_cast<std::int64_t>(rungs.size()) / problem().window_length;
  const std::int64_t population = std::clamp<std::int64_t>(share / *rungs.begin(), 1, 100000);
  std::set<Recipe> seen(ranked_.begin(), ranked_.end());
  for (std::int64_t draw = 1; draw < population; ++draw) {
    DecisionRandom random = next_decision();
    Recipe recipe = random_recipe(space(), problem().budget, random);
    if (seen.insert(recipe).second) ranked_.push_back(std::move(recipe));
  }
  for (const std::int64_t rung : rungs) {
    const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, share / rung));
    std::vector<Recipe> racing(ranked_.begin(),
                               ranked_.begin() + static_cast<std::ptrdiff_t>(std::min(most, ranked_.size())));
    co_await measure(racing, 0, rung);
    const std::vector<Recipe> best = archive().best(racing.size(), 0, rung, [](const Recipe&) { return true; });
    if (!best.empty()) ranked_ = best;
    if (exhausted()) break;
  }
}

std::vector<Finalist> RandomSearch::finalists() const {
  return {{"random", ranked_.front()}};
}

std::string RandomSearch::status() const {
  return "random: " + std::to_string(archive().size()) + " recipes, " + std::to_string(tokens_asked()) + " of " +
         std::to_string(token_limit()) + " tokens";
}

}  // namespace pare::search
