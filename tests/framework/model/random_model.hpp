// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "framework/io/atomic_file.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/dtype.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {

/// A model directory with random weights, which are bfloat16 values stored as binary32: hidden 64, four query heads and
/// two KV heads of 16, intermediate 96, two layers, vocabulary 40, biases everywhere. Some channels of the hidden state
/// are large, as in language models. Tests change `values` and write.
class RandomModel {
 public:
  static constexpr std::int64_t hidden = 64, kv = 32, intermediate = 96, vocabulary = 40;

  RandomModel() {
    add("model.embed_tokens.weight", {vocabulary, hidden}, 1.0f);
    add("model.norm.weight", {hidden}, 1.0f);
    add("lm_head.weight", {vocabulary, hidden}, 0.2f);
    for (const char* number : {"0", "1"}) {
      const std::string layer = std::string("model.layers.") + number + ".";
      for (const char* norm : {"input_layernorm.weight", "post_attention_layernorm.weight"}) {
        add(layer + norm, {hidden}, 1.0f);
        for (std::size_t c = 0; c < hidden; c += 13) values[layer + norm][c] *= 8.0f;
      }
      add_linear(layer + "self_attn.q_proj", hidden, hidden);
      add_linear(layer + "self_attn.k_proj", kv, hidden);
      add_linear(layer + "self_attn.v_proj", kv, hidden);
      add_linear(layer + "self_attn.o_proj", hidden, hidden);
      add_linear(layer + "mlp.gate_proj", intermediate, hidden);
      add_linear(layer + "mlp.up_proj", intermediate, hidden);
      add_linear(layer + "mlp.down_proj", hidden, intermediate);
    }
  }

  /// Rows [begin, end) of the weight of a module, and their biases, become 0.
  void zero_outputs(const std::string& module, std::int64_t begin, std::int64_t end) {
    std::vector<float>& weight = values.at(module + ".weight");
    std::vector<float>& bias = values.at(module + ".bias");
    const std::int64_t inputs = shapes_.at(module + ".weight")[1];
    std::fill(weight.begin() + begin * inputs, weight.begin() + end * inputs, 0.0f);
    std::fill(bias.begin() + begin, bias.begin() + end, 0.0f);
  }

  const std::filesystem::path& write() const {
    framework::write_file_atomically(
        directory_ / "config.json",
        R"({"model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
            "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 40, "max_position_embeddings": 64,
            "hidden_act": "silu", "bos_token_id": 1, "attention_bias": true, "mlp_bias": true})");
    std::vector<TensorBytes> list;
    for (const auto& [name, numbers] : values) list.push_back(float_tensor(name, shapes_.at(name), numbers));
    write_bytes(directory_ / "model.safetensors", make_safetensors(list));
    return directory_.path();
  }

  std::map<std::string, std::vector<float>> values;

 private:
  void add(const std::string& name, const std::vector<std::int64_t>& shape, float deviation) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    std::normal_distribution<float> normal(0.0f, deviation);
    for (std::size_t i = 0; i < count; ++i)
      values[name].push_back(kernels::to_float(kernels::to_bfloat16(normal(generator_))));
    shapes_[name] = shape;
  }

  void add_linear(const std::string& module, std::int64_t outputs, std::int64_t inputs) {
    add(module + ".weight", {outputs, inputs}, 0.1f);
    add(module + ".bias", {outputs}, 0.1f);
  }

  std::mt19937 generator_{17};
  std::map<std::string, std::vector<std::int64_t>> shapes_;
  ScratchDirectory directory_;
};

}  // namespace pare::test
