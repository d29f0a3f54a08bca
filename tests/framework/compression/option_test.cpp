// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/option.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kernels/core/error.hpp"
#include "kernels/quantize/block_format.hpp"

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

/// Every family, and every word of it, in the one order in which it is printed.
std::vector<std::string> spellings() {
  std::vector<std::string> all{"w16", "drop"};
  for (const char* grid : {"w2-g32", "w3-g128", "w4-channel", "w8-g64-sym", "w5-channel-sym", "w8-channel", "w4-tensor",
                           "w6-tensor-sym"}) {
    for (const char* rounding : {"", "-mse", "-gptq", "-gptq-act", "-awq"}) all.push_back(std::string(grid) + rounding);
  }
  for (const char* bits : {"w8a8", "w4a8", "w8a8-tensor"}) {
    for (const char* rounding : {"", "-mse", "-gptq", "-gptq-act"}) {
      const std::string stem = std::string(bits) + rounding;
      for (const char* rest : {"", "-smooth", "-static", "-smooth-static", "-static-moving-average",
                               "-static-percentile", "-static-mse", "-static-entropy"})
        all.push_back(stem + rest);
    }
  }
  for (const auto format : kernels::all_block_formats) {
    all.emplace_back(kernels::block_format_name(format));
    all.push_back(all.back() + "-imatrix");
  }
  for (const char* pattern : {"2:4", "1:64", "50%", "1%", "99%"}) {
    for (const char* method : {"-random", "-magnitude", "-projection", "-wanda", "-sparsegpt"}) {
      const std::string sparse = std::string(pattern) + method;
      for (const char* rest : {"", "-dense", "+w4-g32", "-dense+w4-g32", "-dense+q4_0", "-dense+w8a8-static"})
        all.push_back(sparse + rest);
    }
  }
  for (const char* keep : {"keep-75%", "keep-1%-magnitude", "keep-99%-wanda"}) {
    for (const char* rest : {"", "+w4-g32-gptq", "+w8a8-static-mse", "+q4_0-imatrix", "+2:4-sparsegpt",
                             "+50%-wanda+w4-g32", "+50%-wanda-dense+q4_0"})
      all.push_back(std::string(keep) + rest);
  }
  return all;
}

TEST(Option, PrintsTheSpellingItReads) {
  std::set<std::string> seen;
  for (const std::string& text : spellings()) {
    EXPECT_EQ(error_of(text), "accepted");
    EXPECT_EQ(parse_option(text).name(), text);
    EXPECT_TRUE(seen.insert(text).second) << text;
  }
}

TEST(Option, TellsAllSpellingsApart) {
  const std::vector<std::string> all = spellings();
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(parse_option(all[i]) == parse_option(all[j])) << all[i] << all[j];
}

TEST(Option, AcceptsSynonymsButPrintsOneSpelling) {
  for (const auto& [text, name] : {std::pair{"w4a16-g32", "w4-g32"},
                                   {"w8", "w8-channel"},
                                   {"w8-gptq", "w8-channel-gptq"},
                                   {"w8a8-channel", "w8a8"},
                                   {"w8a8-sym", "w8a8"},
                                   {"w4-sym-g32", "w4-g32-sym"},
                                   {"w4-awq-g32", "w4-g32-awq"},
                                   {"w8a8-smooth-gptq", "w8a8-gptq-smooth"},
                                   {"w8a8-static-minmax", "w8a8-static"},
                                   {"w8a8-sym-tensor", "w8a8-tensor"},
                                   {"w4-sym-tensor", "w4-tensor-sym"},
                                   {"keep-50%+w16", "keep-50%"},
                                   {"2:4-wanda+w16", "2:4-wanda"}}) {
    EXPECT_EQ(parse_option(text).name(), name);
    EXPECT_EQ(parse_option(text), parse_option(name));
  }
}

TEST(Option, NeedsCalibrationWhereInputsDecide) {
  for (const char* text : {"w4-g32-gptq", "w4-g32-gptq-act", "w4-g32-awq", "w8a8-smooth", "w8a8-static", "q4_k-imatrix",
                           "2:4-wanda", "50%-sparsegpt", "2:4-projection", "keep-50%", "keep-50%-magnitude"})
    EXPECT_TRUE(parse_option(text).needs_calibration()) << text;
  for (const char* text : {"w16", "drop", "w4-g32", "w4-g32-mse", "w8a8", "q4_k", "2:4-magnitude", "50%-random+w4-g32"})
    EXPECT_FALSE(parse_option(text).needs_calibration()) << text;
}

TEST(Option, OnlyW16KeepsTheCheckpoint) {
  for (const std::string& text : spellings()) EXPECT_EQ(parse_option(text).keeps_checkpoint(), text == "w16") << text;
}

TEST(Option, FillsTheGrid) {
  const Option option = parse_option("w3-g64");

  EXPECT_EQ(option.grid, (kernels::Grid{3, 64, false}));
  EXPECT_EQ(option.activation_bits, 16);
  EXPECT_EQ(parse_option("w3-tensor").grid, (kernels::Grid{3, 0, false, true}));
}

TEST(Option, NeedsASymmetricChannelGridForInt8Activations) {
  EXPECT_EQ(parse_option("w8a8").grid, (kernels::Grid{8, 0, true}));
  EXPECT_EQ(parse_option("w8a8-tensor").grid, (kernels::Grid{8, 0, true, true}));
  EXPECT_THAT(error_of("w8a8-g32"), HasSubstr("8-bit activations need one scale an output or a tensor"));
}

TEST(Option, QuotesStrangeBytesSoThatATerminalCanShowThem) {
  EXPECT_THAT(error_of("w\xff-g32\x1b[2J"), HasSubstr(R"(option 'w\xff-g32\x1b[2J': no number of bits after 'w')"));
}

TEST(Option, ExplainsWhatIsWrong) {
  const std::vector<std::pair<const char*, const char*>> wrong{
      {"", "options look like w16"},
      {"w4", "did you mean 'w4-g32' or 'w4-channel'?"},
      {"w9-g32", "weights have 2..8 or 16 bits"},
      {"w1-g32", "weights have 2..8 or 16 bits"},
      {"w-g32", "no number of bits after 'w'"},
      {"w4-g12", "positive multiple of 8"},
      {"w4-g0", "positive multiple of 8"},
      {"w4-g32-foo", "'foo' is not part of an option"},
      {"w4a4-channel", "activations have 8 or 16 bits"},
      {"w16a8", "8-bit activations need weights of 2..8 bits"},
      {"w16-g32", "takes no group"},
      {"w4-g32-channel", "a grid has one group, not two"},
      {"w4-g32-g64", "a grid has one group, not two"},
      {"w4-channel-channel", "a grid has one group, not two"},
      {"w4-tensor-g32", "a grid has one group, not two"},
      {"w4-channel-tensor", "a grid has one group, not two"},
      {"w4-tensr", "'tensr' is not part of an option, did you mean 'tensor'?"},
      {"2:4-wanda+w4-tensor", "sparse storage has scales for every row: write '-channel', or '2:4-wanda-dense+...'"},
      {"w4-g32-sym-sym", "'sym' repeats or contradicts"},
      {"w4-g32-awq-mse", "awq searches clips of its own, leave out '-mse'"},
      {"w3-g32-gtpq", "'gtpq' is not part of an option, did you mean 'gptq'?"},
      {"w3-g32-act", "'act' is the order of gptq and stands behind it"},
      {"w3-g32-awq-act", "'act' is the order of gptq and stands behind it"},
      {"w4-g32-smooth", "'smooth' is for 8-bit activations, as in 'w8a8-smooth'"},
      {"w4-g32-static", "'static' is for 8-bit activations, as in 'w8a8-static'"},
      {"w8a8-smooth-smooth", "'smooth' repeats or contradicts"},
      {"w8a8-awq", "awq is for 16-bit activations, smooth for 8-bit ones"},
      {"w8a8-smooth-static-entropy", "smoothed inputs have a min-max range only: write '-smooth-static'"},
      {"w8a8-static-smooth", "'smooth' stands before 'static'"},
      {"w8a8-static-entrpy", "option 'w8a8-static-entrpy': there is no range method 'entrpy', did you mean 'entropy'?"},
      {"w8a8-static-mse-gptq", "there is no range method 'mse-gptq'"},
      {"q4_kk", "'q4_kk' is neither w<bits> nor a block format nor keep, did you mean 'q4_k'?"},
      {"q4_k-imatrx", "'imatrx' is not part of an option, did you mean 'imatrix'?"},
      {"q4_k-imatrix-g32", "'g32' is not part of an option"},
      {"50%-wnda", "'wnda' is not part of an option, did you mean 'wanda'?"},
      {"0%-wanda", "a percentage lies between 1% and 99%"},
      {"100%-wanda", "a percentage lies between 1% and 99%"},
      {"2:4", "no method behind the sparsity"},
      {"4:2-wanda", "n:m keeps n of m neighbouring inputs"},
      {"0:4-wanda", "n:m keeps n of m neighbouring inputs"},
      {"2:65-wanda", "n:m keeps n of m neighbouring inputs"},
      {"2:4-wanda-dens", "'dens' is not part of an option, did you mean 'dense'?"},
      {"2:4-wanda-dense-foo", "'foo' is not part of an option"},
      {"keep", "keep needs a percentage"},
      {"keep-75", "a percentage lies between 1% and 99%"},
      {"keep-100%", "a percentage lies between 1% and 99%"},
      {"keep-75%-wnda", "'wnda' is not part of an option, did you mean 'wanda'?"},
      {"keep-75%-wanda-foo", "'foo' is not part of an option"},
      {"drop+w4-g32", "'drop' stands alone"},
      {"w4-g32+drop", "parts come once each, in the order keep, sparsity, weights"},
      {"drop-50%", "'drop' stands alone"},
      {"w4-g32+", "parts come once each"},
      {"w4-g32+2:4-wanda", "parts come once each, in the order keep, sparsity, weights"},
      {"2:4-wanda+50%-wanda", "parts come once each"},
      {"2:4-wanda+w4-g32-awq", "scaled inputs and sparsity do not go together"},
      {"2:4-wanda-dense+w8a8-smooth", "scaled inputs and sparsity do not go together"},
      {"2:4-wanda+w4-g32-gptq", "with sparsity weights are rounded to nearest"},
      {"2:4-wanda+w8a8", "the integer GEMM is dense: write '2:4-wanda-dense+...'"},
      {"50%-wanda+q4_k", "block formats store every weight: write '50%-wanda-dense+...'"},
      {"keep-75%+w4-g32-awq", "scaled inputs and whole heads or channels taken away do not go together"},
      {"keep-75%+w8a8-smooth", "scaled inputs and whole heads or channels taken away do not go together"}};
  for (const auto& [text, message] : wrong) {
    EXPECT_THAT(error_of(text), HasSubstr(message));
    EXPECT_THAT(error_of(text), testing::StartsWith("option '" + std::string(text) + "': "));
  }
}

}  // namespace
}  // namespace pare::test
