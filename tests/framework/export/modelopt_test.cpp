// SPDX-License-Identifier: Apache-2.0
#include "framework/export/modelopt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/io/json.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {
namespace {

using framework::Json;
using testing::HasSubstr;

/// All layers of a model of two blocks under one option, but for those of some kinds.
class Modelopt : public testing::Test {
 protected:
  std::vector<framework::ExportLayer> layers(const std::string& option,
                                             const std::map<std::string, std::string>& kinds = {}) {
    const auto sites = sites_with(model_, {option});
    auto layers = framework::export_layers(model_, sites, framework::OptionIndices(sites.size(), 0), nullptr);
    for (auto& layer : layers) {
      const auto other = kinds.find(layer.linear->kind);
      if (other != kinds.end()) layer.option = framework::parse_option(other->second);
    }
    return layers;
  }
  Json config(const std::string& option, const std::map<std::string, std::string>& kinds = {}) {
    return Json::parse(framework::modelopt_config(layers(option, kinds)))["quantization"];
  }
  std::string refusal(const std::string& option, const std::map<std::string, std::string>& kinds = {}) {
    return error_of([&] { framework::modelopt_config(layers(option, kinds)); });
  }

  RandomModel files_;
  framework::Model model_{files_.write()};
};

TEST_F(Modelopt, ListsLayersWhereTheyDiffer) {
  const Json config = this->config("w4-g32-sym", {{"down_proj", "w8-channel-sym"}, {"o_proj", "w16"}});

  EXPECT_EQ(config["quant_algo"], "MIXED_PRECISION");
  EXPECT_TRUE(config["kv_cache_quant_algo"].is_null());
  EXPECT_EQ(config["quantized_layers"].size(), 12U);  // of 14, two stay at 16 bits
  EXPECT_EQ(config["quantized_layers"]["model.layers.0.self_attn.q_proj"],
            Json::parse(
                R"({"quant_algo": "W4A16_AWQ", "group_size": 32, "has_zero_point": false, "pre_quant_scale": false})"));
  EXPECT_EQ(config["quantized_layers"]["model.layers.1.mlp.down_proj"], Json::parse(R"({"quant_algo": "W8A16"})"));
}

TEST_F(Modelopt, NamesOneAlgorithmWhereLayersAreAlike) {
  const Json config = this->config("w4-g32-gptq", {{"o_proj", "w16"}});

  EXPECT_EQ(config["quant_algo"], "W4A16_GPTQ");
  EXPECT_EQ(config["has_zero_point"], true);
  EXPECT_EQ(config["exclude_modules"], Json::parse(R"(["lm_head", "model.layers.0.self_attn.o_proj",
                                                       "model.layers.1.self_attn.o_proj"])"));
  EXPECT_FALSE(config.contains("quantized_layers"));
}

TEST_F(Modelopt, TellsActivationsOfInt8ByTheirScales) {
  EXPECT_EQ(config("w8a8")["quant_algo"], "W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN");
  EXPECT_EQ(config("w8a8-static")["quant_algo"], "W8A8_SQ_PER_CHANNEL_PER_TENSOR_PLUGIN");
  EXPECT_EQ(config("w8a8-tensor")["quant_algo"], "W8A8_SQ_PER_TENSOR_PER_TOKEN_PLUGIN");
}

TEST_F(Modelopt, SaysWhyItHasNoWordsForALayer) {
  EXPECT_EQ(
      refusal("w3-g32"),
      "--format modelopt: model.layers.0.self_attn.q_proj is 'w3-g32', which has neither 4 nor 8 bits, use w4-g128 "
      "or w8-channel-sym");
  EXPECT_THAT(refusal("q4_0"), HasSubstr("is a GGUF block"));
  EXPECT_THAT(refusal("w8-channel"), HasSubstr("write '-sym'"));
  EXPECT_THAT(refusal("w4a8"), HasSubstr("use w8a8"));
  EXPECT_THAT(refusal("50%-wanda-dense+w4-g32"), HasSubstr("is sparse"));
}

TEST_F(Modelopt, WantsFusedLayersToBeAlike) {
  EXPECT_THAT(refusal("w4-g32", {{"k_proj", "w16"}}),
              HasSubstr("self_attn.q_proj is 'w4-g32' and k_proj 'w16', but TensorRT-LLM runs them as one"));
}

}  // namespace
}  // namespace pare::test
