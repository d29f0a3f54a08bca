// SPDX-License-Identifier: Apache-2.0
#include "search/objective/archive.hpp"

#include <gmock/gmock.h>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using search::Archive;
using search::Recipe;
using search::WindowSet;
using testing::ElementsAre;

search::Trial trial(const Recipe& recipe, std::int64_t begin, const std::vector<double>& kl) {
  return {0, {recipe, WindowSet::search, begin, static_cast<std::int64_t>(kl.size())}, kl, kl};
}

TEST(Archive, JoinsPiecesOfARange) {
  Archive archive(8);
  archive.add(trial({1}, 0, {1, 2}));
  archive.add(trial({1}, 2, {3, 4}));

  EXPECT_TRUE(archive.knows({1}, 0, 4));
  EXPECT_FALSE(archive.knows({1}, 0, 5));
  EXPECT_FALSE(archive.knows({2}, 0, 1));
  EXPECT_EQ(archive.known_from_start({1}), 4);
  EXPECT_EQ(archive.known_from_start({2}), 0);
  EXPECT_THAT(archive.values({1}, 1, 3), ElementsAre(2, 3, 4));
  EXPECT_DOUBLE_EQ(archive.mean({1}, 0, 4).mean, 2.5);
  EXPECT_THROW(archive.values({1}, 0, 5), InternalError);
}

TEST(Archive, AsksForTheGapsOnly) {
  Archive archive(8);
  archive.add(trial({1}, 2, {1, 2}));
  archive.add(trial({1}, 6, {3}));

  const std::vector<search::EvaluationRequest> requests = archive.missing({1}, 0, 8);

  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].begin, 0);
  EXPECT_EQ(requests[0].count, 2);
  EXPECT_EQ(requests[1].begin, 4);
  EXPECT_EQ(requests[1].count, 2);
  EXPECT_EQ(requests[2].begin, 7);
  EXPECT_EQ(requests[2].count, 1);
  EXPECT_TRUE(archive.missing({1}, 2, 2).empty());
  EXPECT_EQ(archive.missing({2}, 0, 8).size(), 1U);
}

TEST(Archive, ComparesOnCommonWindows) {
  Archive archive(8);
  archive.add(trial({1}, 0, {1, 2, 3, 4}));
  archive.add(trial({2}, 2, {5, 6, 7, 8}));

  const search::PairedComparison common = archive.compare({1}, {2});

  EXPECT_EQ(common.windows, 2);
  EXPECT_DOUBLE_EQ(common.difference.mean, -2);
  EXPECT_EQ(common.confidence, 1);
  EXPECT_EQ(archive.compare({1}, {3}).windows, 0);
  EXPECT_EQ(archive.compare({1}, {3}).confidence, 0.5);
}

TEST(Archive, RanksWhatIsKnownAndAdmitted) {
  Archive archive(4);
  archive.add(trial({1}, 0, {3, 3}));
  archive.add(trial({2}, 0, {1, 1}));
  archive.add(trial({3}, 0, {2, 2}));
  archive.add(trial({4}, 0, {0}));
  archive.add(trial({5}, 0, {1, 1}));

  const auto admitted = [](const Recipe& recipe) { return recipe != Recipe{3}; };

  EXPECT_THAT(archive.best(2, 0, 2, admitted), ElementsAre(Recipe{2}, Recipe{5}));
  EXPECT_EQ(archive.best(9, 0, 2, admitted).size(), 3U);
}

TEST(Archive, RefusesTrialsThatAreNotItsOwn) {
  Archive archive(2);
  search::Trial holdout = trial({1}, 0, {1});
  holdout.request.set = WindowSet::holdout;
  search::Trial short_of_values = trial({1}, 0, {1});
  short_of_values.request.count = 2;

  EXPECT_THROW(archive.add(holdout), InternalError);
  EXPECT_THROW(archive.add(short_of_values), InternalError);
  EXPECT_THROW(archive.add(trial({1}, 1, {1, 2})), InternalError);
}

}  // namespace
}  // namespace pare::test
