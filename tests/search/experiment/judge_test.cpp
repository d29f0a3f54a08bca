// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/judge.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/search/space/tiny_space.hpp"

namespace pare::test {
namespace {

using search::Finalist;
using search::Recipe;
using search::Trial;

// Of 7000 weights: 3 bits everywhere are not offered, 2 bits are 1750 bytes, 4 bits 3500.
constexpr std::int64_t budget = 2600;

Trial trial(const Recipe& recipe, const std::vector<double>& kl) {
  return {.id = 0,
          .request = {recipe, search::WindowSet::holdout, 0, static_cast<std::int64_t>(kl.size())},
          .kl = kl,
          .nll = std::vector<double>(kl.size(), 2.0)};
}

}  // namespace

TEST(FinalField, AddsTheUniformRecipesAround) {
  const auto field = search::final_field(tiny_space(), budget, {{"pare", {1, 0, 1}}});

  ASSERT_EQ(field.size(), 3U);
  EXPECT_EQ(field[0].name, "pare");
  EXPECT_EQ(field[1].name, "uniform w2");
  EXPECT_EQ(field[2].name, "uniform w4");
}

TEST(FinalField, HasNoRecipeTwice) {
  const auto field = search::final_field(tiny_space(), budget, {{"pare", {0, 0, 0}}});

  ASSERT_EQ(field.size(), 2U);
  EXPECT_EQ(field[0].name, "uniform w2");
}

TEST(Judge, TheFinalistWinsUnlessAnotherThatFitsIsBetter) {
  const auto space = tiny_space();
  const std::vector<Finalist> field{{"pare", {1, 0, 1}}, {"other", {2, 0, 0}}, {"uniform w4", {2, 1, 2}}};
  const auto winner_with = [&](double pare, double other) {
    const std::vector<Trial> trials{trial(field[0].recipe, {pare, pare}), trial(field[1].recipe, {other, other}),
                                    trial(field[2].recipe, {0.0, 0.0})};
    return search::judge(space, budget, {}, field, trials).winner;
  };

  EXPECT_EQ(winner_with(0.1, 0.2), 0U);
  EXPECT_EQ(winner_with(0.2, 0.1), 1U);
  EXPECT_EQ(winner_with(0.1, 0.1), 0U);  // the search's own choice on a tie; never the one over the budget
}

TEST(Judge, TheWorstDomainDecidesWhereThatIsTheObjective) {
  const search::Objective worst{search::Metric::kl, search::Combine::worst, {{"a", 1}, {"b", 1}}, {}, {0, 1}};
  const std::vector<Finalist> field{{"pare", {1, 0, 1}}, {"other", {2, 0, 0}}};
  const std::vector<Trial> trials{trial(field[0].recipe, {0.0, 0.5}), trial(field[1].recipe, {0.4, 0.4})};

  EXPECT_EQ(search::judge(tiny_space(), budget, {}, field, trials).winner, 0U);
  EXPECT_EQ(search::judge(tiny_space(), budget, worst, field, trials).winner, 1U);
}

TEST(Judge, RowsSayWhatWasMeasured) {
  const auto row = search::make_contestant(tiny_space(), budget, "pare", trial({1, 0, 1}, {0.1, 0.3}));

  EXPECT_EQ(row.bytes, 375 + 500 + 1500);
  EXPECT_DOUBLE_EQ(row.bits_per_weight, 8.0 * 2375 / 7000);
  EXPECT_TRUE(row.fits);
  EXPECT_DOUBLE_EQ(row.kl.mean, 0.2);
  EXPECT_DOUBLE_EQ(row.kl.stderr_of_mean, 0.1);
  EXPECT_DOUBLE_EQ(row.perplexity, std::exp(2.0));
}

}  // namespace pare::test
