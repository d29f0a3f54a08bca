// SPDX-License-Identifier: Apache-2.0
#include "framework/model/stage.hpp"

namespace pare::framework {
namespace {

std::string layer_prefix(int layer) {
  return "model.layers." + std::to_string(layer) + ".";
}

Stage attention_stage(const ModelConfig& config, int layer) {
  const std::string prefix = layer_prefix(layer) + "self_attn.";
  const std::int64_t q = config.heads * config.head_dim;
  const std::int64_t kv = config.kv_heads * config.head_dim;
  return {StageKind::attention,
          layer,
          {{prefix + "q_proj", "q_proj", layer, q, config.hidden, config.attention_bias},
           {prefix + "k_proj", "k_proj", layer, kv, config.hidden, config.attention_bias},
           {prefix + "v_proj", "v_proj", layer, kv, config.hidden, config.attention_bias},
           {prefix + "o_proj", "o_proj", layer, config.hidden, q, config.attention_output_bias}}};
}

Stage mlp_stage(const ModelConfig& config, int layer) {
  const std::string prefix = layer_prefix(layer) + "mlp.";
  return {StageKind::mlp,
          layer,
          {{prefix + "gate_proj", "gate_proj", layer, config.intermediate, config.hidden, config.mlp_bias},
           {prefix + "up_proj", "up_proj", layer, config.intermediate, config.hidden, config.mlp_bias},
           {prefix + "down_proj", "down_proj", layer, config.hidden, config.intermediate, config.mlp_bias}}};
}

}  // namespace

std::vector<Stage> make_stages(const ModelConfig& config) {
  std::vector<Stage> stages{{StageKind::embedding, -1, {}}};
  for (int layer = 0; layer < config.layers; ++layer) {
    stages.push_back(attention_stage(config, layer));
    stages.push_back(mlp_stage(config, layer));
  }
  stages.push_back({StageKind::head, -1, {}});
  return stages;
}

std::vector<ModelTensor> model_tensors(const ModelConfig& config, const std::vector<Stage>& stages) {
  std::vector<ModelTensor> tensors{{"model.embed_tokens.weight", {config.vocabulary, config.hidden}}};
  for (const Stage& stage : stages) {
    const std::string prefix = layer_prefix(stage.layer);
    if (stage.kind == StageKind::attention) {
      tensors.push_back({prefix + "input_layernorm.weight", {config.hidden}});
      if (config.qk_norm) tensors.push_back({prefix + "self_attn.q_norm.weight", {config.head_dim}});
      if (config.qk_norm) tensors.push_back({prefix + "self_attn.k_norm.weight", {config.head_dim}});
    } else if (stage.kind == StageKind::mlp) {
      tensors.push_back({prefix + "post_attention_layernorm.weight", {config.hidden}});
    }
    for (const Linear& linear : stage.linears) {
      tensors.push_back({linear.name + ".weight", {linear.outputs, linear.inputs}});
      if (linear.has_bias) tensors.push_back({linear.name + ".bias", {linear.outputs}});
    }
  }
  tensors.push_back({"model.norm.weight", {config.hidden}});
  if (!config.tied_embeddings) tensors.push_back({"lm_head.weight", {config.vocabulary, config.hidden}});
  return tensors;
}

}  // namespace pare::framework
