// SPDX-License-Identifier: Apache-2.0
#include "framework/export/llm_compressor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/config/config_document.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

std::vector<framework::ExportLayer> layers_with(const framework::Model& model, const std::string& option) {
  const auto sites = sites_with(model, {option});
  return framework::export_layers(model, sites, framework::OptionIndices(sites.size(), 0), nullptr);
}

TEST(LlmCompressor, RecipeIsYamlWithAGroupForEachScheme) {
  const RandomModel files;
  const framework::Model model(files.write());
  auto layers = layers_with(model, "w4-g32-gptq");
  layers.back().option = framework::parse_option("w8a8");

  const auto document = framework::ConfigDocument::parse(framework::llm_compressor_recipe(layers), "recipe");

  const auto modifiers = document.root().at("quant_stage").at("quant_modifiers");
  const auto gptq = modifiers.at("GPTQModifier").at("config_groups").at("group_0");
  EXPECT_EQ(gptq.at("targets").as_list().size(), 13u);
  EXPECT_EQ(gptq.at("weights").at("group_size").as_int(1, 1000), 32);
  EXPECT_FALSE(gptq.at("weights").at("symmetric").as_bool());
  const auto rest = modifiers.at("QuantizationModifier").at("config_groups").at("group_0");
  EXPECT_EQ(rest.at("targets").as_list().front().as_string(), "model.layers.1.mlp.down_proj");
  EXPECT_EQ(rest.at("input_activations").at("strategy").as_string(), "token");
}

TEST(LlmCompressor, RefusesWhatItHasNoWordsFor) {
  const RandomModel files;
  const framework::Model model(files.write());

  EXPECT_THAT(
      [&] { framework::llm_compressor_recipe(layers_with(model, "q4_0")); },
      testing::ThrowsMessage<InputError>(testing::HasSubstr("self_attn.q_proj is 'q4_0', which is no integer grid")));
}

}  // namespace
}  // namespace pare::test
