// SPDX-License-Identifier: Apache-2.0
#include "search/objective/race.hpp"

#include <gmock/gmock.h>

#include <limits>

#include "search/space/random.hpp"

namespace pare::test {
namespace {

using search::Archive;
using search::Race;
using search::RaceSettings;
using search::Recipe;
using testing::ElementsAre;

/// Losses of recipe {r} on a window: its mean, and noise of that window, part of which all recipes share.
double loss(std::uint8_t r, double mean, std::int64_t window, std::uint64_t seed) {
  search::DecisionRandom shared(seed, static_cast<std::uint64_t>(window));
  search::DecisionRandom own(seed + 1000 + r, static_cast<std::uint64_t>(window));
  return mean + 0.5 * shared.normal() + 0.1 * own.normal();
}

/// Recipe {i} has the i-th mean.
search::RaceCounts run(Race& race, const std::vector<double>& means, std::int64_t windows, std::uint64_t seed = 1) {
  Archive archive(windows);
  while (!race.done()) {
    for (const Recipe& each : race.racing()) {
      for (const search::EvaluationRequest& request : archive.missing(each, 0, race.windows())) {
        search::Trial trial{0, request, {}, {}};
        for (std::int64_t w = request.begin; w < request.begin + request.count; ++w) {
          trial.kl.push_back(loss(each[0], means[each[0]], w, seed));
        }
        archive.add(trial);
      }
    }
    race.look(archive);
  }
  return race.counts();
}

TEST(Race, FindsTheBest) {
  Race race({{0}, {1}, {2}, {3}}, {.rungs = {4, 16, 64}});

  run(race, {1.3, 1.2, 1.0, 1.1}, 64);

  EXPECT_EQ(race.leader(), Recipe{2});
}

TEST(Race, EndsEarlyWhereTheDifferencesAreClear) {
  Race race({{0}, {1}, {2}}, {.rungs = {8, 64}});

  const search::RaceCounts counts = run(race, {3, 1, 2}, 64);

  EXPECT_EQ(race.leader(), Recipe{1});
  EXPECT_EQ(race.seen(), 8);
  EXPECT_EQ(counts.eliminated, 2);
  EXPECT_EQ(counts.windows_saved, 3 * (64 - 8));
}

TEST(Race, LetsAHopelessEntrantLeaveWithinItsRung) {
  Race race({{0}, {1}, {2}}, {.rungs = {4, 64}});

  const search::RaceCounts counts = run(race, {1.0, 1.0, 1.3}, 64);

  EXPECT_EQ(counts.eliminated, 1);
  EXPECT_EQ(race.seen(), 64);
  EXPECT_THAT(race.racing(), testing::Not(testing::Contains(Recipe{2})));
  EXPECT_GT(counts.windows_saved, 0);
}

TEST(Race, EliminatesTheBestLessOftenThanStated) {
  constexpr int races = 400;
  int eliminated = 0;
  for (int seed = 0; seed < races; ++seed) {
    Race race({{0}, {1}, {2}, {3}}, {.rungs = {4, 8, 16, 32}, .confidence = 0.8});
    run(race, {1, 1, 1, 0.999}, 32, static_cast<std::uint64_t>(7 * seed));
    const auto& left = race.racing();
    eliminated += std::find(left.begin(), left.end(), Recipe{3}) == left.end() ? 1 : 0;
  }

  EXPECT_LE(eliminated, races / 5);
}

TEST(Race, SendsTheBetterHalfOnButKeepsTheDefender) {
  Race race({{0}, {1}, {2}, {3}, {4}}, {.rungs = {2, 4}, .share = 0.5});

  const search::RaceCounts counts = run(race, {1.02, 1.0, 1.01, 1.0, 1.01}, 4);

  EXPECT_EQ(counts.cut + counts.eliminated, 3);
  EXPECT_EQ(race.racing().front(), Recipe{0});
}

TEST(Race, LetsFailedRecipesLeave) {
  Archive archive(8);
  const double infinity = std::numeric_limits<double>::infinity();
  archive.add({0, {{0}, search::WindowSet::search, 0, 4}, {infinity, infinity, infinity, infinity}, {}});
  archive.add({1, {{1}, search::WindowSet::search, 0, 4}, {5, 5, 5, 5}, {}});
  Race race({{0}, {1}}, {.rungs = {4, 8}});

  race.look(archive);

  EXPECT_TRUE(race.done());
  EXPECT_EQ(race.leader(), Recipe{1});
}

TEST(Race, CountsWindowsByRung) {
  Race race({{0}, {1}}, {.rungs = {2, 8}});

  const search::RaceCounts counts = run(race, {1, 1.0001}, 8);

  EXPECT_THAT(counts.rungs, ElementsAre(search::RaceCounts::Rung{2, 4}, search::RaceCounts::Rung{8, 12}));
}

TEST(Race, AddsCountsOfRacesWithOtherRungs) {
  search::RaceCounts sum{.races = 1, .rungs = {{2, 10}, {8, 5}}};

  sum.add({.races = 2, .rungs = {{4, 1}, {8, 2}}});

  EXPECT_EQ(sum.races, 3);
  EXPECT_THAT(sum.rungs, ElementsAre(search::RaceCounts::Rung{2, 10}, search::RaceCounts::Rung{4, 1},
                                     search::RaceCounts::Rung{8, 7}));
}

TEST(Rungs, EndWhereTheWindowsOfARaceDo) {
  const std::vector<std::int64_t> rungs{4, 16, 32};  // of 6, 3 and 2 challengers: 28, 48 and 48 windows

  EXPECT_THAT(search::rungs_within(rungs, 6, 124, 2), ElementsAre(4, 16, 32));
  EXPECT_THAT(search::rungs_within(rungs, 6, 123, 2), ElementsAre(4, 16, 31));
  EXPECT_THAT(search::rungs_within(rungs, 6, 62, 2), ElementsAre(4, 12));
  EXPECT_THAT(search::rungs_within(rungs, 6, 28, 2), ElementsAre(4));
  EXPECT_THAT(search::rungs_within(rungs, 6, 21, 2), ElementsAre(3));
  EXPECT_THAT(search::rungs_within(rungs, 6, 0, 2), ElementsAre(2));
}

TEST(Rungs, OfTokensAreRoundedUpToWindowsAndEndWithAll) {
  EXPECT_THAT(search::rungs_of_tokens({2048, 8192, 32768, 131072}, 256, 64), ElementsAre(8, 32, 64));
  EXPECT_THAT(search::rungs_of_tokens({100}, 256, 64), ElementsAre(1, 64));
}

}  // namespace
}  // namespace pare::test
