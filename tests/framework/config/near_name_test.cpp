// SPDX-License-Identifier: Apache-2.0
#include "framework/config/near_name.hpp"

#include <gtest/gtest.h>

namespace pare::test {

using framework::did_you_mean;
using framework::nearest_name;

TEST(NearName, FindsSwappedMissingAddedAndReplacedCharacters) {
  const std::vector<std::string> known = {"bits_per_weight", "bytes", "ratio", "same_as"};

  EXPECT_EQ(nearest_name("bits_per_wieght", known), "bits_per_weight");
  EXPECT_EQ(nearest_name("byte", known), "bytes");
  EXPECT_EQ(nearest_name("rattio", known), "ratio");
  EXPECT_EQ(nearest_name("same-as", known), "same_as");
}

TEST(NearName, CountsASwapAsOneEdit) {
  EXPECT_EQ(nearest_name("abdc", {"abxy", "abcd"}), "abcd");
  EXPECT_EQ(nearest_name("ba", {"cb", "ab"}), "ab");
}

TEST(NearName, StaysSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("colour", {"bytes", "ratio"}), "");
  EXPECT_EQ(nearest_name("xy", {"ab"}), "");
  EXPECT_EQ(nearest_name("", {"ab", ""}), "");
  EXPECT_EQ(nearest_name("abc", {}), "");
}

TEST(NearName, AllowsAThirdOfALongName) {
  EXPECT_EQ(nearest_name("teacher_tap_j", {"teacher_top_k"}), "teacher_top_k");
  EXPECT_EQ(nearest_name("abcdefghXXXX", {"abcdefghijkl"}), "abcdefghijkl");
  EXPECT_EQ(nearest_name("abcdefgXXXXX", {"abcdefghijkl"}), "");
}

TEST(NearName, TakesTheFirstOfEquals) {
  EXPECT_EQ(nearest_name("w5", {"w4", "w6"}), "w4");
}

TEST(NearName, AsksAQuestionOrNothing) {
  EXPECT_EQ(did_you_mean("modle", {"model"}), ", did you mean 'model'?");
  EXPECT_EQ(did_you_mean("engine", {"model"}), "");
}

}  // namespace pare::test
