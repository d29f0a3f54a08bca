// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/option.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::Option;
using framework::parse_option;
using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    parse_option(text);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Option, PrintsTheSpellingItReads) {
  for (const char* text : {"w16", "w2-g32", "w3-g128", "w4-channel", "w8-g64-sym", "w5-channel-sym", "w8a8", "w4a8"}) {
    EXPECT_EQ(parse_option(text).name(), text);
  }
}

TEST(Option, AcceptsSynonymsButPrintsOneSpelling) {
  EXPECT_EQ(parse_option("w4a16-g32").name(), "w4-g32");
  EXPECT_EQ(parse_option("w8a8-channel").name(), "w8a8");
}

TEST(Option, FillsTheGrid) {
  const Option option = parse_option("w3-g64");

  EXPECT_EQ(option.grid, (kernels::Grid{3, 64, false}));
  EXPECT_EQ(option.activation_bits, 16);
}

TEST(Option, NeedsASymmetricChannelGridForInt8Activations) {
  EXPECT_EQ(parse_option("w8a8").grid, (kernels::Grid{8, 0, true}));
  EXPECT_THAT(error_of("w8a8-g32"), HasSubstr("8-bit activations need one scale an output"));
}

TEST(Option, ExplainsWhatIsWrong) {
  EXPECT_THAT(error_of("w4"), HasSubstr("did you mean 'w4-g32' or 'w4-channel'?"));
  EXPECT_THAT(error_of("w9-g32"), HasSubstr("weights have 2..8 or 16 bits"));
  EXPECT_THAT(error_of("w4-g12"), HasSubstr("positive multiple of 8"));
  EXPECT_THAT(error_of("w4-g32-foo"), HasSubstr("'foo' is not part of an option"));
  EXPECT_THAT(error_of("q4_k"), HasSubstr("does not start with 'w'"));
  EXPECT_THAT(error_of("w4a4-channel"), HasSubstr("activations have 8 or 16 bits"));
  EXPECT_THAT(error_of("w16-g32"), HasSubstr("takes no group"));
  EXPECT_THAT(error_of(""), HasSubstr("options are w16"));
}

}  // namespace
}  // namespace pare::test
