// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/group_survey.hpp"

#include <gmock/gmock.h>

#include "tests/search/space/formed_space.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using testing::DoubleNear;
using testing::Each;
using testing::ElementsAre;

/// Kinds k and v of layers 0 and 1, in the order of layers, with the options w2 and w8.
search::SearchSpace two_by_two(double error_of_w2) {
  search::SearchSpace space;
  for (const int layer : {0, 1}) {
    for (const char* kind : {"k", "v"}) {
      search::SearchSite site{kind + std::to_string(layer), kind, layer, layer, 100, 400, {}};
      site.options = {{"w2", 25, error_of_w2}, {"w8", 100, 0}};
      space.sites.push_back(site);
    }
  }
  return space;
}

const Recipe full{1, 1, 1, 1};
const Recipe local{0, 0, 0, 0};

/// `losses` of the groups beside a full model of loss 1, in the order of group_swaps.
search::Archive measured(const search::SearchSpace& space, const std::vector<double>& losses) {
  search::Archive archive(1);
  const auto add = [&](const Recipe& recipe, double kl) {
    archive.add({0, {recipe, search::WindowSet::search, 0, 1}, {kl}, {kl}});
  };
  add(full, 1.0);
  const std::vector<Recipe> swaps = search::group_swaps(space, full, local);
  for (std::size_t i = 0; i < losses.size(); ++i) add(swaps[i], 1.0 + losses[i]);
  return archive;
}

TEST(GroupSurvey, AsksForKindsAndThenForLayers) {
  EXPECT_THAT(search::group_swaps(two_by_two(0.1), full, local),
              ElementsAre(Recipe{0, 1, 0, 1}, Recipe{1, 0, 1, 0}, Recipe{0, 0, 1, 1}, Recipe{1, 1, 0, 0}));
}

TEST(GroupSurvey, LeavesOutGroupsThatLocalErrorsLeaveAlone) {
  EXPECT_THAT(search::group_swaps(two_by_two(0.1), full, {0, 1, 1, 1}),
              ElementsAre(Recipe{0, 1, 1, 1}, Recipe{0, 1, 1, 1}));
}

TEST(GroupSurvey, KeepsTheFullModelsForms) {
  const search::SearchSpace space = formed_space(2, 2);

  const std::vector<Recipe> swaps = search::group_swaps(space, space.largest_recipe(), space.smallest_recipe());

  for (const Recipe& swap : swaps) {
    EXPECT_TRUE(space.is_settled(swap));
    for (std::size_t s = 0; s < swap.size(); ++s) EXPECT_EQ(space.sites[s].options[swap[s]].form, "");
  }
}

TEST(GroupSurvey, FindsFactorsOfKindsAndLayers) {
  // Kinds lose 1 and 2 a unit of error, layers 1 and 3 times as much: 0.1 and 0.2 in layer 0, 0.3 and 0.6 in layer 1.
  const search::SearchSpace space = two_by_two(0.1);

  const search::Scores shape =
      search::group_shape(space, measured(space, {0.1 + 0.3, 0.2 + 0.6, 0.1 + 0.2, 0.3 + 0.6}), full, local);

  EXPECT_THAT(shape, ElementsAre(ElementsAre(DoubleNear(0.1, 1e-9), 0), ElementsAre(DoubleNear(0.2, 1e-9), 0),
                                 ElementsAre(DoubleNear(0.3, 1e-9), 0), ElementsAre(DoubleNear(0.6, 1e-9), 0)));
}

TEST(GroupSurvey, LetsNoNoiseMakeASmallerOptionBetter) {
  const search::SearchSpace space = two_by_two(0.1);

  for (const std::vector<double>& row :
       search::group_shape(space, measured(space, {-0.2, 0.8, 0.3, 0.9}), full, local)) {
    EXPECT_GT(row[0], row[1]);
  }
}

TEST(GroupSurvey, IsSilentWithoutLocalErrors) {
  const search::SearchSpace space = two_by_two(0);

  EXPECT_THAT(search::group_shape(space, measured(space, {0.4, 0.8, 0.3, 0.9}), full, local), Each(ElementsAre(0, 0)));
}

}  // namespace
}  // namespace pare::test
