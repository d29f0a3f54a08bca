// SPDX-License-Identifier: Apache-2.0
#include "search/space/search_space.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "kernels/core/error.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/space/tiny_space.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using search::SearchSpace;
using testing::ElementsAre;

TEST(SearchSpace, LeavesOutWhatFailedAtASite) {
  SearchSpace space = tiny_space();
  const std::string site = space.sites[0].name, failed = space.sites[0].options[1].name;
  const std::size_t options = space.sites[0].options.size();

  space.leave_out(0, 1, "no scale");

  EXPECT_EQ(space.sites[0].options.size(), options - 1);
  EXPECT_FALSE(space.find_option(0, failed));
  EXPECT_FALSE(space.uniform(failed));
  EXPECT_EQ(space.left_out, (std::vector<search::LeftOut>{{site, failed, "no scale"}}));
}

TEST(SearchSpace, CannotLeaveASiteWithoutOptions) {
  SearchSpace space = tiny_space();
  space.sites[0].options.resize(2);
  const std::string first = space.sites[0].options[0].name, second = space.sites[0].options[1].name;
  space.leave_out(0, 1, "no scale");

  EXPECT_EQ(error_of([&] { space.leave_out(0, 0, "not finite"); }),
            "options: " + space.sites[0].name + " is left with none, all of its options fail: " + second +
                ": no scale; " + first + ": not finite; give it an option that holds, such as w16");
}

TEST(SearchSpace, AddsUpExactBytes) {
  const search::SearchSpace space = tiny_space();

  EXPECT_EQ(space.bytes({0, 0, 0}), 250 + 500 + 1000);
  EXPECT_EQ(space.bytes({1, 1, 3}), 375 + 1000 + 4000);
  EXPECT_EQ(space.smallest_bytes(), 1750);
  EXPECT_EQ(space.largest_bytes(), 500 + 1000 + 4000);
  EXPECT_EQ(space.weights(), 7000);
  EXPECT_EQ(space.original_bytes(), 14000);
  EXPECT_DOUBLE_EQ(space.bits_per_weight(1750), 2);
  EXPECT_DOUBLE_EQ(space.log10_size(), std::log10(3 * 2 * 4));
}

TEST(SearchSpace, RefusesARecipeOfAnotherSpace) {
  const search::SearchSpace space = tiny_space();

  EXPECT_THROW(space.bytes({0, 0}), InternalError);
  EXPECT_THROW(space.bytes({0, 2, 0}), InternalError);
}

TEST(SearchSpace, OffersUniformlyWhatEverySiteOffers) {
  const search::SearchSpace space = tiny_space();

  EXPECT_THAT(space.uniform_options(), ElementsAre("w2", "w4"));
  EXPECT_EQ(space.uniform("w4"), (Recipe{2, 1, 2}));
  EXPECT_EQ(space.uniform("w3"), std::nullopt);
  EXPECT_EQ(space.find_option(2, "w8"), 3);
  EXPECT_EQ(space.find_option(1, "w8"), std::nullopt);
}

TEST(SearchSpace, OrdersUniformRecipesByTheirTotal) {
  search::SearchSpace space;
  space.sites.push_back({"a", "k", 0, 0, 100, 200, {{"x", 10, 0.5}, {"y", 20, 0.2}}});
  space.sites.push_back({"b", "k", 0, 0, 100, 200, {{"y", 30, 0.2}, {"x", 90, 0.1}}});

  EXPECT_THAT(space.uniform_options(), ElementsAre("y", "x"));
}

}  // namespace
}  // namespace pare::test
