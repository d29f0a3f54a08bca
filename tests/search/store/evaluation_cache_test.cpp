// SPDX-License-Identifier: Apache-2.0
#include "search/store/evaluation_cache.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using namespace search;
using testing::ElementsAre;
using testing::IsEmpty;

/// Windows [begin, begin + count) of a recipe: kl is the window, nll the window + 100.
Result result(const Recipe& recipe, std::int64_t begin, std::int64_t count, WindowSet set = WindowSet::search) {
  Result result{.recipe = recipe, .set = set, .begin = begin, .kl = {}, .nll = {}};
  for (std::int64_t window = begin; window < begin + count; ++window) {
    result.kl.push_back(static_cast<double>(window));
    result.nll.push_back(static_cast<double>(window + 100));
  }
  return result;
}

TEST(EvaluationCache, KnowsNothingAtFirst) {
  const EvaluationCache cache;

  EXPECT_THAT(cache.missing({{1, 2}, WindowSet::search, 4, 8}), ElementsAre(WindowRange{4, 8}));
  EXPECT_FALSE(cache.lookup({{1, 2}, WindowSet::search, 4, 8}));
}

TEST(EvaluationCache, NamesTheGapsBetweenPieces) {
  EvaluationCache cache;
  cache.add(result({1, 2}, 12, 2));
  cache.add(result({1, 2}, 4, 3));
  cache.add(result({1, 2}, 6, 2));

  EXPECT_THAT(cache.missing({{1, 2}, WindowSet::search, 0, 16}),
              ElementsAre(WindowRange{0, 4}, WindowRange{8, 4}, WindowRange{14, 2}));
  EXPECT_THAT(cache.missing({{1, 2}, WindowSet::search, 5, 3}), IsEmpty());
  EXPECT_THAT(cache.missing({{1, 2}, WindowSet::search, 5, 4}), ElementsAre(WindowRange{8, 1}));
}

TEST(EvaluationCache, AnswersWhenAllPiecesAreThere) {
  EvaluationCache cache;
  cache.add(result({1, 2}, 2, 2));
  cache.add(result({1, 2}, 0, 2));

  const auto trial = cache.lookup({{1, 2}, WindowSet::search, 1, 3});

  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->request.begin, 1);
  EXPECT_THAT(trial->kl, ElementsAre(1, 2, 3));
  EXPECT_THAT(trial->nll, ElementsAre(101, 102, 103));
}

TEST(EvaluationCache, KeepsTheAnswersToItems) {
  EvaluationCache cache;
  Result items = result({1}, 0, 2);
  items.wrong = {0, 1};
  cache.add(items);
  cache.add(result({2}, 0, 2));

  EXPECT_THAT(cache.lookup({{1}, WindowSet::search, 0, 2})->wrong, ElementsAre(0, 1));
  EXPECT_THAT(cache.lookup({{2}, WindowSet::search, 0, 2})->wrong, IsEmpty());
  items.wrong = {1, 1};
  EXPECT_THROW(cache.add(items), InternalError);
}

TEST(EvaluationCache, KeepsRecipesAndSetsApart) {
  EvaluationCache cache;
  cache.add(result({1, 2}, 0, 4));

  EXPECT_FALSE(cache.lookup({{1, 3}, WindowSet::search, 0, 4}));
  EXPECT_FALSE(cache.lookup({{1, 2}, WindowSet::holdout, 0, 4}));
  EXPECT_EQ(cache.recipes(), 1u);
}

TEST(EvaluationCache, AcceptsARepetitionAndRefusesAContradiction) {
  EvaluationCache cache;
  Result first = result({1, 2}, 0, 4);
  first.kl[1] = std::numeric_limits<double>::quiet_NaN();
  cache.add(first);
  Result other = first;
  other.nll[3] += 1e-13;

  EXPECT_NO_THROW(cache.add(first));
  EXPECT_THROW(cache.add(other), InternalError);
}

}  // namespace
}  // namespace pare::test
