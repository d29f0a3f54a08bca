// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/export/verify_export.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/export/exported_world.hpp"

namespace pare::test {
namespace {

using framework::Model;
using testing::HasSubstr;
using testing::ThrowsMessage;

class ReadBack : public testing::TestWithParam<const char*> {};

TEST_P(ReadBack, CompressedTensorsHaveWeightsAndLossOfTheBank) {
  ExportedWorld exported(GetParam());

  const Model model(exported.write(*framework::compressed_tensors_format()));

  EXPECT_GT(framework::compare_weights(model, exported.world.model, exported.layers), 0);
  EXPECT_EQ(scores_of_file(exported, model).kl, scores_of_recipe(exported).kl);
}

INSTANTIATE_TEST_SUITE_P(Options, ReadBack,
                         testing::Values("w4-g32", "w4-g32-sym-mse", "w4-g32-gptq", "w4-channel", "w8-g32",
                                         "w8-channel-sym", "w8a8", "w8a8-tensor", "w8a8-static", "w16",
                                         "50%-magnitude-dense+w4-g32", "50%-magnitude-dense", "keep-50%+w4-g32",
                                         "keep-50%+w8a8", "keep-50%"));

class ReadBackDense : public testing::TestWithParam<const char*> {};

TEST_P(ReadBackDense, PlainWeightsHaveValuesAndLossOfTheBank) {
  ExportedWorld exported(GetParam());

  const Model model(exported.write(*framework::dense_format()));

  EXPECT_GT(framework::compare_weights(model, exported.world.model, exported.layers), 0);
  EXPECT_EQ(scores_of_file(exported, model).kl, scores_of_recipe(exported).kl);
}

INSTANTIATE_TEST_SUITE_P(Options, ReadBackDense,
                         testing::Values("w3-g32", "w4-g32-awq", "q4_0", "2:4-magnitude", "keep-50%+w2-g32"));

TEST(CompareWeights, NamesTheLayerThatDiffers) {
  ExportedWorld exported("w4-g32"), other("w4-g32-sym");
  const Model model(exported.write(*framework::compressed_tensors_format()));

  EXPECT_THAT(
      [&] { framework::compare_weights(model, other.world.model, other.layers); },
      ThrowsMessage<InputError>(HasSubstr("model.layers.0.self_attn.q_proj ('w4-g32-sym') reads back with other")));
}

/// A model whose config.json is changed after it was exported.
std::string error_after(const std::string& option, const std::function<void(framework::Json&)>& change) {
  ExportedWorld exported(option);
  const auto directory = exported.write(*framework::compressed_tensors_format());
  framework::Json config = framework::parse_json_file(directory / "config.json");
  change(config["quantization_config"]);
  framework::write_file_atomically(directory / "config.json", config.dump());
  try {
    const Model model(directory);
    return "it was read";
  } catch (const InputError& error) {
    return error.what();
  }
}

TEST(QuantizationConfig, RefusesWhatItCannotRead) {
  EXPECT_THAT(error_after("w4-g32", [](auto& q) { q["config_groups"]["group_0"]["weights"]["num_bits"] = 3; }),
              HasSubstr("quantization_config.config_groups.group_0.weights.num_bits: 3 is not supported"));
  EXPECT_THAT(error_after("w4-g32", [](auto& q) { q["config_groups"]["group_0"]["format"] = "marlin-24"; }),
              HasSubstr("'marlin-24' is not supported (supported: pack-quantized, int-quantized)"));
  EXPECT_THAT(error_after("w4-g32", [](auto& q) { q["config_groups"]["group_0"]["weights"]["group_size"] = 16; }),
              HasSubstr("weight_scale"));
  EXPECT_THAT(error_after("w8a8", [](auto& q) { q["config_groups"] = 7; }), HasSubstr("config_groups"));
  EXPECT_THAT(error_after("w4-g32", [](auto& q) { q["ignore"].push_back("re:model.layers.0.mlp.up_proj$"); }),
              HasSubstr("up_proj.weight' is missing"));
  EXPECT_THAT(error_after("w4-g32", [](auto& q) { q["ignore"].push_back("re:("); }), HasSubstr("regular expression"));
}

TEST(QuantizationConfig, ReadsPatternsAndClasses) {
  ExportedWorld exported("w8-channel-sym");
  const auto directory = exported.write(*framework::compressed_tensors_format());
  framework::Json config = framework::parse_json_file(directory / "config.json");
  config["quantization_config"]["config_groups"]["group_0"]["targets"] = {"Linear"};
  config["quantization_config"]["ignore"] = {"re:.*lm_head$"};
  framework::write_file_atomically(directory / "config.json", config.dump());

  const Model model(directory);

  EXPECT_GT(framework::compare_weights(model, exported.world.model, exported.layers), 0);
}

}  // namespace
}  // namespace pare::test
