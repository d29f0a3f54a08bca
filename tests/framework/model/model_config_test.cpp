// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/io/test_data.hpp"
#include "tests/framework/model/tiny_model.hpp"

namespace pare::test {
namespace {

using framework::Json;
using framework::ModelConfig;
using framework::read_model_config;

ModelConfig read(const TinyModel& model) {
  return read_model_config(model.write());
}

/// The error without the file's name, which it must start with.
std::string error(const TinyModel& model) {
  const std::string text = error_of([&] { read(model); });
  const std::string file = model.config_file() + ": ";
  EXPECT_TRUE(text.starts_with(file)) << text;
  return text.substr(std::min(text.size(), file.size()));
}

std::string error_with(const std::string& key, const Json& value) {
  TinyModel model;
  model.config[key] = value;
  return error(model);
}

TEST(ModelConfig, ReadsARealModel) {
  const auto path = test_data("stories260k/hf");
  PARE_SKIP_WITHOUT(path);

  const ModelConfig config = read_model_config(path);

  EXPECT_EQ(config.model_type, "llama");
  EXPECT_EQ(config.layers, 5);
  EXPECT_EQ(config.hidden, 64);
  EXPECT_EQ(config.intermediate, 172);
  EXPECT_EQ(config.heads, 8);
  EXPECT_EQ(config.kv_heads, 4);
  EXPECT_EQ(config.head_dim, 8);
  EXPECT_EQ(config.vocabulary, 512);
  EXPECT_EQ(config.max_positions, 512);
  EXPECT_EQ(config.bos_token, 1);
  EXPECT_TRUE(config.tied_embeddings);
  EXPECT_EQ(config.sliding_window, 0);
  EXPECT_EQ(config.rms_norm_epsilon, 1e-5);
  ASSERT_EQ(config.inverse_frequencies.size(), 4u);
  EXPECT_DOUBLE_EQ(config.inverse_frequencies[1], 0.1);
}

TEST(ModelConfig, TreatsNullAsMissing) {
  TinyModel model;
  for (const char* key : {"num_key_value_heads", "head_dim", "rope_scaling", "bos_token_id", "sliding_window",
                          "quantization_config", "rms_norm_eps"}) {
    model.config[key] = nullptr;
  }

  const ModelConfig config = read(model);

  EXPECT_EQ(config.kv_heads, 2);
  EXPECT_EQ(config.head_dim, 2);
  EXPECT_EQ(config.bos_token, -1);
  EXPECT_EQ(config.rms_norm_epsilon, 1e-6);
}

TEST(ModelConfig, TakesTheFirstOfSeveralBeginTokens) {
  TinyModel model;
  model.config["bos_token_id"] = {2, 1};
  EXPECT_EQ(read(model).bos_token, 2);
}

TEST(ModelConfig, KnowsTheBiasesOfEveryArchitecture) {
  TinyModel model;
  EXPECT_FALSE(read(model).attention_bias);
  model.config["attention_bias"] = true;
  model.config["mlp_bias"] = true;
  EXPECT_TRUE(read(model).attention_bias);
  EXPECT_TRUE(read(model).attention_output_bias);
  EXPECT_TRUE(read(model).mlp_bias);

  model.config = TinyModel().config;
  model.config["model_type"] = "qwen2";
  EXPECT_TRUE(read(model).attention_bias);
  EXPECT_FALSE(read(model).attention_output_bias);
  EXPECT_FALSE(read(model).qk_norm);

  model.config["model_type"] = "qwen3";
  model.config["head_dim"] = 2;
  EXPECT_FALSE(read(model).attention_bias);
  EXPECT_TRUE(read(model).qk_norm);
}

TEST(ModelConfig, GivesQwen3HeadsOf128WhenNothingIsSaid) {
  TinyModel model;
  model.config["model_type"] = "qwen3";
  EXPECT_EQ(read(model).head_dim, 128);
}

TEST(ModelConfig, UsesSlidingWindowsWhereAllLayersDo) {
  TinyModel model;
  model.config["sliding_window"] = 8;
  EXPECT_EQ(read(model).sliding_window, 0);  // not a key of llama
  model.config["model_type"] = "mistral";
  EXPECT_EQ(read(model).sliding_window, 8);
  model.config["sliding_window"] = nullptr;
  EXPECT_EQ(read(model).sliding_window, 0);

  model.config["model_type"] = "qwen2";
  model.config["sliding_window"] = 8;
  EXPECT_EQ(read(model).sliding_window, 0);
  model.config["use_sliding_window"] = false;
  EXPECT_EQ(read(model).sliding_window, 0);
  model.config["use_sliding_window"] = true;
  model.config["max_window_layers"] = 0;
  EXPECT_EQ(read(model).sliding_window, 8);
  model.config["max_window_layers"] = 1;  // as many as there are layers: all full
  EXPECT_EQ(read(model).sliding_window, 0);
  model.config["layer_types"] = {"sliding_attention"};
  EXPECT_EQ(read(model).sliding_window, 8);
  model.config["layer_types"] = {"full_attention"};
  EXPECT_EQ(read(model).sliding_window, 0);
}

TEST(ModelConfig, RefusesSlidingWindowsInSomeLayers) {
  TinyModel model;
  model.config["model_type"] = "qwen2";
  model.config["num_hidden_layers"] = 4;
  model.config["use_sliding_window"] = true;
  model.config["sliding_window"] = 8;
  model.config["max_window_layers"] = 2;
  EXPECT_EQ(error(model), "max_window_layers: sliding windows in some layers only are not supported, it should be 0");
  model.config["layer_types"] = {"full_attention", "sliding_attention"};
  EXPECT_EQ(error(model),
            "layer_types: layers of different kinds are not supported (supported: all full_attention or all "
            "sliding_attention)");
}

/// head_dim 8, base 10000: 1, 0.1, 0.01, 0.001.
std::vector<double> frequencies(const std::string& key, const char* json) {
  TinyModel model;
  model.config["head_dim"] = 8;
  model.config[key] = Json::parse(json);
  return read(model).inverse_frequencies;
}

const auto near_to = [](const std::vector<double>& values) {
  return testing::Pointwise(testing::DoubleNear(1e-12), values);
};

TEST(ModelConfig, ScalesRotaryFrequencies) {
  EXPECT_THAT(frequencies("rope_scaling", R"({"rope_type": "default"})"), near_to({1, 0.1, 0.01, 0.001}));
  EXPECT_THAT(frequencies("rope_scaling", R"({"type": "linear", "factor": 2.0})"), near_to({0.5, 0.05, 0.005, 0.0005}));
  EXPECT_THAT(frequencies("rope_parameters", R"({"rope_type": "default", "rope_theta": 1e8})"),
              near_to({1, 0.01, 0.0001, 0.000001}));
}

TEST(ModelConfig, ScalesRotaryFrequenciesAsLlama3Does) {
  // Wavelengths 6.28, 62.8, 628, 6283; kept below 64 / 4 = 16, divided by 8 beyond 64, between them the ramp.
  const double smooth = (64 / (2 * std::acos(-1.0) / 0.1) - 1) / (4.0 - 1.0);
  const double ramp = (1 - smooth) * 0.1 / 8 + smooth * 0.1;
  const char* json = R"({"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
                         "high_freq_factor": 4.0, "original_max_position_embeddings": 64})";

  EXPECT_THAT(frequencies("rope_scaling", json), near_to({1, ramp, 0.01 / 8, 0.001 / 8}));
  EXPECT_EQ(frequencies("rope_parameters", json), frequencies("rope_scaling", json));
}

TEST(ModelConfig, RefusesOtherRotaryPositions) {
  EXPECT_EQ(error_with("rope_scaling", Json::parse(R"({"rope_type": "yarn", "factor": 4})")),
            "rope_scaling.rope_type: 'yarn' is not supported (supported: default, linear, llama3)");
  EXPECT_EQ(error_with("rope_scaling", Json::parse(R"({"type": "dynamic", "factor": 4})")),
            "rope_scaling.type: 'dynamic' is not supported (supported: default, linear, llama3)");
  EXPECT_EQ(error_with("rope_scaling", Json::parse(R"({"type": "linear"})")), "rope_scaling.factor: is missing");
  EXPECT_EQ(error_with("rope_parameters", Json::parse(R"({"full_attention": {"rope_type": "default"}})")),
            "rope_parameters: rotary positions that differ between layers are not supported");
  EXPECT_EQ(error_with("partial_rotary_factor", 0.5),
            "partial_rotary_factor: is not supported, all of a head must be rotated (1)");
  EXPECT_EQ(error_with("rope_theta", -1), "rope_theta: should be greater than 0");
}

TEST(ModelConfig, RefusesOtherArchitectures) {
  EXPECT_EQ(error_with("model_type", "qwen"),
            "model_type: 'qwen' is not supported, did you mean 'qwen2'? (supported: llama, mistral, qwen2, qwen3)");
  EXPECT_EQ(error_with("model_type", "gpt_neox\n"),
            "model_type: 'gpt_neox\\x0a' is not supported (supported: llama, mistral, qwen2, qwen3)");
  TinyModel model;
  model.config.erase("model_type");
  EXPECT_EQ(error(model), "model_type: is missing");
}

TEST(ModelConfig, RefusesWhatItCannotCompute) {
  EXPECT_EQ(error_with("hidden_act", "gelu"), "hidden_act: 'gelu' is not supported (supported: silu)");
  EXPECT_EQ(error_with("quantization_config", Json::parse(R"({"quant_method": "gptq"})")),
            "quantization_config: the checkpoint is quantized already, give the original one (F32, F16 or "
            "BF16 weights), or one of compressed-tensors");
}

TEST(ModelConfig, RefusesSizesThatDoNotFitEachOther) {
  EXPECT_EQ(error_with("num_key_value_heads", 3), "num_key_value_heads: 3 does not divide num_attention_heads 2");
  EXPECT_EQ(error_with("hidden_size", 5), "num_attention_heads: 2 does not divide hidden_size 5, give head_dim");
  EXPECT_EQ(error_with("head_dim", 3), "head_dim: 3 is odd, rotary positions need pairs");
  EXPECT_EQ(error_with("bos_token_id", 3), "bos_token_id: should be a token id below vocab_size 3, is 3");
}

TEST(ModelConfig, RefusesValuesOfTheWrongKind) {
  EXPECT_EQ(error_with("hidden_size", "big"), "hidden_size: should be a whole number from 1 to 16777216, is \"big\"");
  EXPECT_EQ(error_with("hidden_size", 0), "hidden_size: should be a whole number from 1 to 16777216, is 0");
  EXPECT_EQ(error_with("hidden_size", 64.0), "hidden_size: should be a whole number from 1 to 16777216, is 64.0");
  EXPECT_EQ(error_with("num_hidden_layers", std::uint64_t{18446744073709551615u}),
            "num_hidden_layers: should be a whole number from 1 to 10000, is 18446744073709551615");
  EXPECT_EQ(error_with("rms_norm_eps", "1e-5"), "rms_norm_eps: should be a number, is \"1e-5\"");
  EXPECT_EQ(error_with("tie_word_embeddings", 1), "tie_word_embeddings: should be true or false, is 1");
  EXPECT_EQ(error_with("rope_scaling", "linear"), "rope_scaling: should be an object, is \"linear\"");
  EXPECT_EQ(error_with("hidden_act", 1), "hidden_act: should be a text, is 1");
  EXPECT_EQ(error_with("layer_types", 1),
            "layer_types: layers of different kinds are not supported (supported: all full_attention or all "
            "sliding_attention)");
  TinyModel model;
  model.config.erase("vocab_size");
  EXPECT_EQ(error(model), "vocab_size: is missing");
}

}  // namespace
}  // namespace pare::test
