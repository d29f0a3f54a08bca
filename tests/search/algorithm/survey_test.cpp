// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/survey.hpp"

#include <gmock/gmock.h>

#include <cmath>

namespace pare::test {
namespace {

using search::Recipe;
using testing::DoubleNear;
using testing::ElementsAre;

search::SearchSpace one_site(const std::vector<double>& local_errors) {
  search::SearchSpace space;
  space.sites.push_back({"a", "k", 0, 0, 100, 400, {}});
  const std::vector<std::string> names{"w2", "w3", "w4", "w8"};
  for (std::size_t o = 0; o < names.size(); ++o)
    space.sites.front().options.push_back({names[o], 25 * static_cast<std::int64_t>(o + 1), local_errors[o]});
  return space;
}

search::Archive losses(const std::vector<std::pair<Recipe, double>>& measured) {
  search::Archive archive(1);
  for (const auto& [recipe, kl] : measured) archive.add({0, {recipe, search::WindowSet::search, 0, 1}, {kl}, {kl}});
  return archive;
}

TEST(Survey, AsksForTheLocalOptionAndTheNextSmallerOne) {
  const search::SearchSpace space = one_site({0.4, 0.2, 0.1, 0});
  const std::vector<Recipe> all{{0}, {1}, {2}};

  EXPECT_THAT(search::survey_swaps(space, all, {3}, {2}), ElementsAre(Recipe{1}, Recipe{2}));
  EXPECT_THAT(search::survey_swaps(space, all, {3}, {0}), ElementsAre(Recipe{0}));
  EXPECT_THAT(search::survey_swaps(space, all, {3}, {3}), ElementsAre(Recipe{2}));
}

TEST(Survey, ReadsOtherOptionsOffTheirLocalErrors) {
  const search::SearchSpace space = one_site({0.4, 0.2, 0.1, 0});
  const search::Archive archive = losses({{{3}, 1.0}, {{2}, 1.5}, {{1}, 2.0}});  // five nats a unit of error

  const search::Scores shape = search::survey_shape(space, archive, {3});

  EXPECT_THAT(shape.front(), ElementsAre(DoubleNear(2.0, 1e-12), DoubleNear(1.0, 1e-12), DoubleNear(0.5, 1e-12), 0));
}

TEST(Survey, ForbidsSmallerOptionsOfUnknownError) {
  const search::SearchSpace space = one_site({0, 0, 0, 0});
  const search::Archive archive = losses({{{3}, 1.0}, {{1}, 2.0}});

  EXPECT_TRUE(std::isinf(search::survey_shape(space, archive, {3}).front()[0]));
}

TEST(Survey, LetsNoNoiseMakeASmallerOptionBetter) {
  const search::SearchSpace space = one_site({0.4, 0.2, 0.1, 0});
  const search::Archive archive = losses({{{3}, 1.0}, {{2}, 0.9}, {{1}, 0.8}, {{0}, 1.2}});

  const std::vector<double> row = search::survey_shape(space, archive, {3}).front();

  EXPECT_GT(row[0], row[1]);
  EXPECT_GT(row[1], row[2]);
  EXPECT_GT(row[2], row[3]);
}

}  // namespace
}  // namespace pare::test
