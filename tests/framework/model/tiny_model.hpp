// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/io/atomic_file.hpp"
#include "framework/io/json.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {

/// A model directory with one layer: hidden 4, two query heads and one key and value head of 2, intermediate
/// 6, vocabulary 3. Tests change `config` and `tensors` and write.
class TinyModel {
 public:
  TinyModel() {
    config = framework::Json::parse(R"({"model_type": "llama", "hidden_size": 4, "intermediate_size": 6,
        "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 3,
        "max_position_embeddings": 16, "hidden_act": "silu", "bos_token_id": 1})");
    add("model.embed_tokens.weight", {3, 4});
    add("model.norm.weight", {4});
    add("lm_head.weight", {3, 4});
    const std::string layer = "model.layers.0.";
    add(layer + "input_layernorm.weight", {4});
    add(layer + "post_attention_layernorm.weight", {4});
    add(layer + "self_attn.q_proj.weight", {4, 4});
    add(layer + "self_attn.k_proj.weight", {2, 4});
    add(layer + "self_attn.v_proj.weight", {2, 4});
    add(layer + "self_attn.o_proj.weight", {4, 4});
    add(layer + "mlp.gate_proj.weight", {6, 4});
    add(layer + "mlp.up_proj.weight", {6, 4});
    add(layer + "mlp.down_proj.weight", {4, 6});
  }

  /// The values of a tensor count up from 0.
  void add(const std::string& name, const std::vector<std::int64_t>& shape) {
    std::int64_t elements = 1;
    for (const std::int64_t size : shape) elements *= size;
    std::vector<float> values(static_cast<std::size_t>(elements));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    tensors[name] = float_tensor(name, shape, values);
  }

  const std::filesystem::path& write() const {
    framework::write_file_atomically(directory_ / "config.json", config.dump(2));
    std::vector<TensorBytes> list;
    for (const auto& [name, tensor] : tensors) list.push_back(tensor);
    write_bytes(directory_ / "model.safetensors", make_safetensors(list));
    return directory_.path();
  }

  std::string config_file() const { return (directory_ / "config.json").string(); }
  std::string tensor_file() const { return (directory_ / "model.safetensors").string(); }

  framework::Json config;
  std::map<std::string, TensorBytes> tensors;

 private:
  ScratchDirectory directory_;
};

}  // namespace pare::test
