// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/sensitivity.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Archive;
using search::Recipe;
using search::Sensitivities;
using search::single_swaps;
using search::SwapChoice;
using testing::ElementsAre;

search::SearchSpace one_site() {
  search::SearchSpace space;
  space.sites.push_back({"a",
                         "k",
                         0,
                         0,
                         100,
                         400,
                         {{"w2", 25, 0.4}, {"w3", 38, 0.2}, {"w4", 50, 0.1}, {"w5", 63, 0.05}, {"w8", 100, 0.0}}});
  return space;
}

void tell(Archive& archive, const Recipe& recipe, const std::vector<double>& kl) {
  archive.add({0, {recipe, search::WindowSet::search, 0, static_cast<std::int64_t>(kl.size())}, kl, kl});
}

TEST(Sensitivity, ChoosesNeighboursAnchorsOrAll) {
  const search::SearchSpace space = one_site();

  EXPECT_THAT(single_swaps(space, {2}, SwapChoice::neighbours), ElementsAre(Recipe{1}, Recipe{3}));
  EXPECT_THAT(single_swaps(space, {2}, SwapChoice::anchors), ElementsAre(Recipe{0}, Recipe{1}, Recipe{3}, Recipe{4}));
  EXPECT_THAT(single_swaps(space, {0}, SwapChoice::anchors), ElementsAre(Recipe{1}, Recipe{4}));
  EXPECT_EQ(single_swaps(space, {2}, SwapChoice::all).size(), 4U);
}

TEST(Sensitivity, ScoresAreDifferencesOnCommonWindows) {
  const search::SearchSpace space = one_site();
  Archive archive(4);
  tell(archive, {1}, {1, 2, 3, 4});
  tell(archive, {0}, {2, 3});

  const Sensitivities table = search::tabulate(space, archive, {1}, nullptr);

  EXPECT_DOUBLE_EQ(table.score[0][0], 1);
  EXPECT_DOUBLE_EQ(table.score[0][1], 0);
  EXPECT_TRUE(table.measured[0][0]);
  EXPECT_FALSE(table.measured[0][2]);
}

TEST(Sensitivity, InterpolatesInTheLocalError) {
  const search::SearchSpace space = one_site();
  Archive archive(1);
  tell(archive, {1}, {1.0});
  tell(archive, {4}, {0.2});  // 0.2 of error is worth 0.8

  const Sensitivities table = search::tabulate(space, archive, {1}, nullptr);

  EXPECT_DOUBLE_EQ(table.score[0][2], -0.4);
  EXPECT_DOUBLE_EQ(table.score[0][3], -0.6);
  EXPECT_TRUE(std::isinf(table.score[0][0]));  // nothing is known of smaller options
}

TEST(Sensitivity, ContinuesThePreviousTableScaled) {
  const search::SearchSpace space = one_site();
  Archive archive(1);
  tell(archive, {1}, {1.0});
  tell(archive, {2}, {0.8});
  const Sensitivities previous{{1}, {{0.5, 0, -0.4, -0.6, -0.8}}, {{0, 0, 0, 0, 0}}, {{true, true, true, true, true}}};

  const Sensitivities table = search::tabulate(space, archive, {1}, &previous);

  EXPECT_DOUBLE_EQ(table.score[0][2], -0.2);
  EXPECT_DOUBLE_EQ(table.score[0][3], -0.2 - 0.5 * 0.2);
  EXPECT_DOUBLE_EQ(table.score[0][4], -0.2 - 0.5 * 0.4);
  EXPECT_DOUBLE_EQ(table.score[0][0], 0.5);
}

}  // namespace
}  // namespace pare::test
