// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/target.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/compression/site.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using framework::parse_option;
using framework::refusal;
using framework::Target;
using testing::HasSubstr;

TEST(Target, VllmExecutesWhatItsKernelsTake) {
  for (const char* name : {"w16", "w4-g32", "w4-g64-sym", "w4-g128-gptq", "w8-g128-mse", "w8-channel", "w4-channel-sym",
                           "w4-g128-gptq-act", "w8a8", "w8a8-tensor", "w8a8-static", "50%-wanda-dense+w4-g32"}) {
    EXPECT_EQ(refusal(Target::vllm, parse_option(name)), std::nullopt);
  }
}

TEST(Target, VllmRefusalSaysWhyAndWhatIsLegal) {
  const auto why = [](const char* name) { return refusal(Target::vllm, parse_option(name)).value_or("legal"); };

  EXPECT_THAT(why("w3-g32"), HasSubstr("target vllm does not execute 'w3-g32': packed weights have 4 or 8 bits"));
  EXPECT_THAT(why("w4-g16"), HasSubstr("groups have 32, 64 or 128 weights or the whole row there, use w4-g128"));
  EXPECT_THAT(why("w4-tensor"), HasSubstr("use w4-channel"));
  EXPECT_THAT(why("w4-g32-awq"), HasSubstr("use '-gptq'"));
  EXPECT_THAT(why("w8a8-smooth"), HasSubstr("scales of inputs"));
  EXPECT_THAT(why("w4a8"), HasSubstr("use w8a8"));
  EXPECT_THAT(why("q4_k"), HasSubstr("GGUF"));
  EXPECT_THAT(why("2:4-wanda"), HasSubstr("'-dense'"));
  EXPECT_THAT(why("keep-75%"), HasSubstr("same sizes"));
  EXPECT_THAT(why("drop"), HasSubstr("same sizes"));
}

TEST(Target, LlamaCppExecutesBlocksOnly) {
  EXPECT_EQ(refusal(Target::llama_cpp, parse_option("q4_k-imatrix")), std::nullopt);
  EXPECT_EQ(refusal(Target::llama_cpp, parse_option("w16")), std::nullopt);
  EXPECT_THAT(refusal(Target::llama_cpp, parse_option("w4-g32")).value_or(""), HasSubstr("GGUF blocks only"));
  EXPECT_TRUE(refusal(Target::llama_cpp, parse_option("drop")));
}

TEST(Target, NoneExecutesEverything) {
  for (const char* name : {"drop", "w3-g32", "q4_k", "2:4-wanda"})
    EXPECT_EQ(refusal(Target::none, parse_option(name)), std::nullopt);
}

TEST(Target, VllmTiesWhatItFuses) {
  const RandomModel files;
  const framework::Model model(files.write());

  const auto sites = make_sites(model, {{"*", {parse_option("w8-channel")}}}, {}, Target::vllm);

  ASSERT_EQ(sites.size(), 8u);
  EXPECT_EQ(sites[0].name, "model.layers.0.self_attn.{q_proj,k_proj,v_proj}");
  EXPECT_EQ(sites[2].name, "model.layers.0.mlp.{gate_proj,up_proj}");
}

TEST(Target, TiesOfTheUserComeOnTop) {
  const RandomModel files;
  const framework::Model model(files.write());

  const auto sites = make_sites(model, {{"*", {parse_option("w8-channel")}}}, {{"o_proj", "v_proj"}}, Target::vllm);

  EXPECT_EQ(sites.size(), 6u);
  EXPECT_EQ(sites[0].linears.size(), 4u);
}

TEST(Target, RulesThatDivideAFusedSetAreRefused) {
  const RandomModel files;
  const framework::Model model(files.write());

  EXPECT_THAT(
      [&] {
        make_sites(model, {{"v_proj", {parse_option("w8-channel")}}, {"*", {parse_option("w4-channel")}}}, {},
                   Target::vllm);
      },
      testing::ThrowsMessage<InputError>(HasSubstr("target vllm runs them as one")));
}

TEST(Target, OptionThatAShapeCannotHoldLeavesItsSite) {
  const RandomModel files;  // down_proj has 96 inputs
  const framework::Model model(files.write());

  const auto sites = make_sites(model, {{"*", {parse_option("w4-g64"), parse_option("w8-channel")}}}, {}, Target::vllm);

  EXPECT_EQ(sites[0].options.size(), 2u);
  EXPECT_EQ(sites[3].options.size(), 1u);
  EXPECT_THAT(sites[3].left_out.front(), HasSubstr("64 does not divide the 96 inputs of down_proj"));
}

}  // namespace
}  // namespace pare::test
