// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/pare.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <set>
#include <string>

#include "search/algorithm/contest.hpp"
#include "search/algorithm/integer_programme.hpp"
#include "search/space/moves.hpp"
#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Recipe;

const Recipe& finalist(const Outcome& outcome, const std::string& name) {
  for (const search::Finalist& each : outcome.finalists) {
    if (each.name == name) return each.recipe;
  }
  throw std::runtime_error("no finalist " + name);
}

std::vector<search::Trial> trials_of(const SyntheticProblem& problem,
                                     const std::vector<search::EvaluationRequest>& requests) {
  std::vector<search::Trial> trials;
  for (const search::EvaluationRequest& request : requests) {
    search::Trial& trial =
        trials.emplace_back(search::Trial{static_cast<std::int64_t>(trials.size()), request, {}, {}});
    for (std::int64_t w = 0; w < request.count; ++w) trial.kl.push_back(problem.kl(request.recipe, request.begin + w));
  }
  return trials;
}

std::int64_t plenty(const SyntheticProblem& problem) {
  return 400 * static_cast<std::int64_t>(problem.space.sites.size()) * problem.windows * problem.window_length;
}

TEST(Pare, FindsTheAdditiveOptimum) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = additive_problem(7, 8, seed);
    const double optimum = problem.mean_kl(drive("exhaustive", problem).best());

    const Outcome outcome = drive("pare", problem, seed, plenty(problem));

    EXPECT_NEAR(problem.mean_kl(outcome.best()), optimum, 1e-9) << "seed " << seed;
  }
}

TEST(Pare, IsNotMisledByNoise) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SyntheticProblem clean = additive_problem(7, 64, seed);
    const SyntheticProblem noisy = additive_problem(7, 64, seed, 0.3);
    const double optimum = clean.mean_kl(drive("exhaustive", clean).best());
    const double uniform = clean.mean_kl(search::fitting_uniforms(clean.space, clean.budget_bytes).front());

    const Outcome outcome = drive("pare", noisy, seed, plenty(noisy));

    EXPECT_LE(clean.mean_kl(outcome.best()) - optimum, 0.1 * (uniform - optimum)) << "seed " << seed;
  }
}

TEST(Pare, IsNoWorseThanItsContestantsWhereSitesInteract) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = interacting_problem(10, 16, seed);

    const Outcome outcome = drive("pare", problem, seed);

    const double best = problem.mean_kl(outcome.best());
    EXPECT_LE(best, problem.mean_kl(finalist(outcome, "additive-ilp"))) << "seed " << seed;
    EXPECT_LE(best, problem.mean_kl(finalist(outcome, "local-ilp"))) << "seed " << seed;
    EXPECT_LE(best, problem.mean_kl(*problem.space.uniform("w3-g32"))) << "seed " << seed;
  }
}

/// What sites lose goes by their kind and layer; local errors, which differ by option alone, say nothing of it.
SyntheticProblem kinds_and_layers_problem(std::uint64_t seed) {
  SyntheticProblem problem = transformer_like_problem(seed);
  for (search::SearchSite& site : problem.space.sites) {
    for (std::size_t o = 0; o < site.options.size(); ++o) site.options[o].local_error = std::pow(0.3, o);
  }
  problem.kl = [space = problem.space, seed](const Recipe& recipe, std::int64_t window) {
    constexpr std::size_t kinds = 7;  // a layer has one site of each
    double sum = 0;
    for (std::size_t s = 0; s < recipe.size(); ++s) {
      const search::SearchSite& site = space.sites[s];
      const double kind = keyed_normal(seed, s % kinds, 1);
      const double layer = keyed_normal(seed, static_cast<std::uint64_t>(site.layer), 2);
      sum += 0.1 * std::exp(kind + layer) * site.options[recipe[s]].local_error;
    }
    return sum * (1 + 0.2 * keyed_normal(seed, static_cast<std::uint64_t>(window), 3) / 3);
  };
  return problem;
}

TEST(Pare, LearnsKindsAndLayersFromFewTokens) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SyntheticProblem problem = kinds_and_layers_problem(seed);
    const std::size_t sites = problem.space.sites.size();
    search::Scores truth = search::local_scores(problem.space);
    for (std::size_t s = 0; s < sites; ++s) {
      Recipe changed = problem.space.largest_recipe();
      for (std::size_t o = 0; o < truth[s].size(); ++o) {
        changed[s] = static_cast<std::uint8_t>(o);
        truth[s][o] = problem.mean_kl(changed);
      }
    }
    const double optimum = problem.mean_kl(*search::allocate(problem.space, truth, problem.budget_bytes));

    const Outcome outcome = drive("pare", problem, seed, 2 * static_cast<std::int64_t>(sites) * problem.window_length);

    EXPECT_LE(problem.mean_kl(outcome.best()), 1.05 * optimum) << "seed " << seed;
  }
}

TEST(Pare, RepeatsItselfForTheSameSeed) {
  const SyntheticProblem problem = interacting_problem(8, 16, 3);

  const std::vector<search::EvaluationRequest> first = drive("pare", problem, 5).requests();
  const std::vector<search::EvaluationRequest> second = drive("pare", problem, 5).requests();

  ASSERT_EQ(first.size(), second.size());
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].recipe, second[i].recipe);
    EXPECT_EQ(first[i].begin, second[i].begin);
    EXPECT_EQ(first[i].count, second[i].count);
  }
}

TEST(Pare, StaysWithinItsTokens) {
  const SyntheticProblem problem = transformer_like_problem(1);
  for (const std::int64_t limit : {256, 1000, 20000, 100000, 400000}) {
    const Outcome outcome = drive("pare", problem, 1, limit);

    EXPECT_LE(outcome.tokens, limit);
    EXPECT_LE(problem.space.bytes(outcome.best()), problem.budget_bytes);
  }
}

TEST(Pare, AsksAboveTheBudgetForSingleChangesOnly) {
  const SyntheticProblem problem = transformer_like_problem(2);
  std::vector<Recipe> fitting{problem.space.largest_recipe()};

  const Outcome outcome = drive("pare", problem);

  for (const search::EvaluationRequest& request : outcome.requests()) {
    if (problem.space.bytes(request.recipe) <= problem.budget_bytes) {
      fitting.push_back(request.recipe);
      continue;
    }
    const bool is_single_change = std::any_of(
        fitting.begin(), fitting.end(), [&](const Recipe& each) { return search::changes(each, request.recipe) <= 1; });
    EXPECT_TRUE(is_single_change);
  }
}

TEST(Pare, NeverAsksForAWindowTwice) {
  const SyntheticProblem problem = transformer_like_problem(3);
  std::set<std::pair<Recipe, std::int64_t>> seen;

  for (const search::EvaluationRequest& request : drive("pare", problem).requests()) {
    for (std::int64_t w = request.begin; w < request.begin + request.count; ++w) {
      EXPECT_TRUE(seen.insert({request.recipe, w}).second);
    }
  }
}

TEST(Pare, NeverAsksForWhatItLearned) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const std::vector<search::Trial> told = trials_of(problem, drive("pare", problem, 1, 200000).requests());
  std::set<std::pair<Recipe, std::int64_t>> known;
  for (const auto& trial : told) {
    for (std::int64_t w = 0; w < trial.request.count; ++w)
      known.insert({trial.request.recipe, trial.request.begin + w});
  }

  search::Pare again(problem.problem(1, 200000));
  again.learn(told);

  for (const search::EvaluationRequest& request : drive(again, problem).requests()) {
    for (std::int64_t w = request.begin; w < request.begin + request.count; ++w) {
      EXPECT_FALSE(known.contains({request.recipe, w}));
    }
  }
}

TEST(Pare, TakesTheSurveyOfItsFrontWhereItsOwnTokensPayForNone) {
  constexpr std::int64_t front_tokens = 600000;
  double alone = 0, in_front = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const SyntheticProblem larger = transformer_like_problem(seed, "w4-g32");
    search::SearchProblem first = larger.problem(1, 160000);
    first.front_tokens = front_tokens;
    search::Pare before(first);
    const std::vector<search::Trial> told = trials_of(larger, drive(before, larger).requests());
    const SyntheticProblem problem = transformer_like_problem(seed, "w3-g32");
    const auto lost = [&](std::int64_t tokens_of_all) {
      search::SearchProblem given = problem.problem(1, 40000);
      given.front_tokens = tokens_of_all;
      search::Pare pare(given);
      pare.learn(told);
      return problem.mean_kl(drive(pare, problem).best());
    };
    alone += lost(0);
    in_front += lost(front_tokens);
  }

  EXPECT_LT(in_front, alone);
}

TEST(Pare, SurveysEveryPointOfAFrontThoughFewPayForItAlone) {
  constexpr std::int64_t front_tokens = 200000;
  constexpr std::int64_t points = 12;
  SyntheticProblem problem = transformer_like_problem(1);
  const std::int64_t most = problem.space.bytes(*problem.space.uniform("w5-g32"));
  const std::int64_t least = problem.space.bytes(*problem.space.uniform("w3-g32"));
  std::vector<search::Trial> told;
  for (std::int64_t point = 0; point < points; ++point) {
    problem.budget_bytes = most - (most - least) * point / (points - 1);
    search::SearchProblem given = problem.problem(1, front_tokens * (point == 0 ? 4 : 1) / (points + 3));
    given.front_tokens = front_tokens;
    search::Pare pare(given);
    pare.learn(told);

    const Outcome outcome = drive(pare, problem);

    EXPECT_NO_THROW(finalist(outcome, "additive-ilp")) << "point " << point;
    for (search::Trial& trial : trials_of(problem, outcome.requests())) told.push_back(std::move(trial));
  }
}

/// Share of wrong answers to items that no search has seen.
double wrong_answers(const SyntheticProblem& exam, const Recipe& recipe) {
  constexpr std::int64_t items = 2000;
  double wrong = 0;
  for (std::int64_t i = 0; i < items; ++i) wrong += exam.wrong(recipe, exam.windows + i);
  return wrong / items;
}

TEST(Pare, AnswersMoreItemsThanItsContestantsThoughFewItemsTellThemApart) {
  double found = 0, local = 0, uniform = 0;
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const SyntheticProblem exam = exam_problem(seed);
    search::SearchProblem given = exam.problem(seed, 400 * exam.window_length);
    given.objective.metric = search::Metric::accuracy;
    search::Pare pare(given);

    const Outcome outcome = drive(pare, exam);

    found += wrong_answers(exam, outcome.best());
    local += wrong_answers(exam, finalist(outcome, "local-ilp"));
    uniform += wrong_answers(exam, *exam.space.uniform("w3-g32"));
  }

  EXPECT_LT(found, 0.96 * local);
  EXPECT_LT(found, 0.96 * uniform);
}

TEST(Pare, BeginsAtTheStartThatItIsGiven) {
  const SyntheticProblem problem = transformer_like_problem(1);
  search::SearchProblem given = problem.problem(1, 40000);
  given.start = drive("pare", problem, 2, 800000).best();
  search::Pare pare(given);

  const Outcome outcome = drive(pare, problem);

  EXPECT_LE(problem.mean_kl(outcome.best()), problem.mean_kl(*given.start));
}

TEST(Pare, HasAnAnswerBeforeItIsTold) {
  const SyntheticProblem problem = transformer_like_problem(1);
  const search::Pare pare(problem.problem());

  const std::vector<search::Finalist> finalists = pare.finalists();

  EXPECT_EQ(finalists.front().name, "pare");
  EXPECT_LE(problem.space.bytes(finalists.front().recipe), problem.budget_bytes);
  EXPECT_EQ(pare.status(), "pare: start");
}

}  // namespace
}  // namespace pare::test
