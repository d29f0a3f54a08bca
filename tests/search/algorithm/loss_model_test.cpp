// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/loss_model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/search/algorithm/synthetic_problem.hpp"

namespace pare::test {
namespace {

using search::Archive;
using search::LossModel;
using search::Recipe;
using search::Scores;

constexpr std::int64_t windows = 8;

/// Loss 1 + sum of price[s] x option[s], with options as many as `shape` has.
void measure(Archive& archive, const Recipe& recipe, const std::vector<double>& price, std::int64_t count = windows) {
  search::Trial trial{0, {recipe, search::WindowSet::search, 0, count}, {}, {}};
  for (std::int64_t w = 0; w < count; ++w) {
    double sum = 1;
    for (std::size_t s = 0; s < recipe.size(); ++s) sum += price[s] * recipe[s] * (1 + 0.01 * static_cast<double>(w));
    trial.kl.push_back(sum);
  }
  archive.add(trial);
}

const search::SearchSpace& three_sites() {
  static const search::SearchSpace space = small_space(3, {2, 4, 8});
  return space;
}
const Scores shape{{0, 1, 2}, {0, 1, 2}, {0, 1, 2}};

TEST(LossModel, BelievesTheShapeWhereNothingIsKnown) {
  const LossModel model(three_sites(), shape, {1, 1, 1}, 1);

  for (const std::vector<double>& row : model.mean()) {
    EXPECT_NEAR(row[0], -1, 1e-12);
    EXPECT_EQ(row[1], 0);
    EXPECT_NEAR(row[2], 1, 1e-12);
  }
}

TEST(LossModel, LearnsWhatSingleChangesDo) {
  Archive archive(windows);
  const Recipe point{1, 1, 1};
  const std::vector<double> price{2, 0.2, 1};
  for (const Recipe& each : {point, Recipe{2, 1, 1}, Recipe{1, 2, 1}, Recipe{1, 1, 2}}) measure(archive, each, price);
  LossModel model(three_sites(), shape, point, 4.2);

  model.learn(archive, {point});

  const Scores mean = model.mean();
  EXPECT_NEAR(mean[0][2], 2.07, 0.1);
  EXPECT_NEAR(mean[1][2], 0.2, 0.1);
  EXPECT_LT(mean[0][0], -1.2) << "the option that was not measured follows its site";
}

TEST(LossModel, LearnsFromRecipesOfManyChanges) {
  Archive archive(windows);
  const Recipe point{1, 1, 1};
  measure(archive, point, {3, 3, 3});
  measure(archive, {2, 2, 2}, {3, 3, 3});
  LossModel model(three_sites(), shape, point, 10);

  model.learn(archive, {point});

  for (const auto& row : model.mean()) EXPECT_GT(row[2], 1.5);
}

TEST(LossModel, HoldsMorePossibleWhereItKnowsLess) {
  Archive archive(windows);
  const Recipe point{1, 1, 1};
  measure(archive, point, {1, 1, 1});
  measure(archive, {2, 1, 1}, {1, 1, 1});
  LossModel model(three_sites(), shape, point, 4);
  model.learn(archive, {point});

  double known = 0, unknown = 0;
  for (std::uint64_t i = 0; i < 200; ++i) {
    search::DecisionRandom random(1, i);
    const Scores drawn = model.draw(random);
    known += std::abs(drawn[0][2] - model.mean()[0][2]);
    unknown += std::abs(drawn[1][2] - model.mean()[1][2]);
  }

  EXPECT_LT(known, 0.5 * unknown);
}

TEST(LossModel, PassesFailedRecipesOver) {
  Archive archive(windows);
  const Recipe point{1, 1, 1};
  measure(archive, point, {1, 1, 1});
  archive.add({1,
               {{2, 1, 1}, search::WindowSet::search, 0, windows},
               std::vector<double>(windows, std::numeric_limits<double>::infinity()),
               {}});
  LossModel model(three_sites(), shape, point, 4);

  model.learn(archive, {point});

  EXPECT_EQ(model.observations(), 0U);
}

}  // namespace
}  // namespace pare::test
