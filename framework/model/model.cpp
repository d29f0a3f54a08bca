// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model.hpp"

#include <utility>

#include "framework/io/tensor_read.hpp"
#include "framework/model/quantization_config.hpp"
#include "framework/model/quantized_weights.hpp"
#include "framework/model/tensor_check.hpp"
#include "kernels/core/contract.hpp"

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

std::vector<Stage> make_stages(const ModelConfig& config) {
  std::vector<Stage> stages{{StageKind::embedding, -1, {}}};
  for (int layer = 0; layer < config.layers; ++layer) {
    stages.push_back(attention_stage(config, layer));
    stages.push_back(mlp_stage(config, layer));
  }
  stages.push_back({StageKind::head, -1, {}});
  return stages;
}

using Schemes = std::map<std::string, WeightScheme>;

Schemes read_schemes(const std::filesystem::path& directory, const std::vector<Stage>& stages) {
  const QuantizationConfig quantization = read_quantization_config(directory);
  Schemes schemes;
  for (const Stage& stage : stages)
    for (const Linear& linear : stage.linears)
      if (const auto scheme = quantization.scheme_of(linear.name)) schemes[linear.name] = *scheme;
  return schemes;
}

void expect_weight(const Linear& linear, const Schemes& schemes, std::vector<detail::ExpectedTensor>& tensors) {
  const auto scheme = schemes.find(linear.name);
  if (scheme == schemes.end()) {
    tensors.push_back({linear.name + ".weight", {linear.outputs, linear.inputs}});
    return;
  }
  for (SchemeTensor& tensor : tensors_of(scheme->second, linear.outputs, linear.inputs))
    tensors.push_back({linear.name + "." + tensor.suffix, std::move(tensor.shape), std::move(tensor.types)});
}

/// Every tensor of the architecture.
std::vector<detail::ExpectedTensor> expected_tensors(const ModelConfig& config, const std::vector<Stage>& stages,
                                                     const Schemes& schemes) {
  std::vector<detail::ExpectedTensor> tensors{{"model.embed_tokens.weight", {config.vocabulary, config.hidden}},
                                              {"model.norm.weight", {config.hidden}}};
  if (!config.tied_embeddings) tensors.push_back({"lm_head.weight", {config.vocabulary, config.hidden}});
  for (const Stage& stage : stages) {
    for (const Linear& linear : stage.linears) {
      expect_weight(linear, schemes, tensors);
      if (linear.has_bias) tensors.push_back({linear.name + ".bias", {linear.outputs}});
    }
    if (stage.kind == StageKind::attention) {
      tensors.push_back({layer_prefix(stage.layer) + "input_layernorm.weight", {config.hidden}});
      if (config.qk_norm) tensors.push_back({layer_prefix(stage.layer) + "self_attn.q_norm.weight", {config.head_dim}});
      if (config.qk_norm) tensors.push_back({layer_prefix(stage.layer) + "self_attn.k_norm.weight", {config.head_dim}});
    } else if (stage.kind == StageKind::mlp) {
      tensors.push_back({layer_prefix(stage.layer) + "post_attention_layernorm.weight", {config.hidden}});
    }
  }
  return tensors;
}

std::vector<float> read_vector(const Checkpoint& checkpoint, const std::string& name) {
  const TensorView tensor = checkpoint.at(name);
  std::vector<float> values(static_cast<std::size_t>(tensor.info.shape.at(0)));
  read_tensor(tensor.info.type, tensor.bytes, values);
  return values;
}

QuantizedLinear quantized(const Checkpoint& checkpoint, const Linear& linear, const WeightScheme& scheme) {
  return {checkpoint, linear.name, scheme, linear.outputs, linear.inputs};
}

void read_matrix(const Checkpoint& checkpoint, const std::string& name, kernels::Matrix<float>& out) {
  const TensorView tensor = checkpoint.at(name);
  out.reshape(tensor.info.shape.at(0), tensor.info.shape.at(1));
  read_tensor(tensor.info.type, tensor.bytes, {out.data(), static_cast<std::size_t>(out.size())});
}

}  // namespace

Model::Model(const std::filesystem::path& directory)
    : directory_(directory),
      config_(read_model_config(directory)),
      checkpoint_(directory),
      stages_(make_stages(config_)),
      schemes_(read_schemes(directory, stages_)) {
  // Some checkpoints leave the head out without saying that it is tied.
  if (!checkpoint_.find("lm_head.weight")) config_.tied_embeddings = true;
  hash_ = detail::check_and_hash(checkpoint_, config_, expected_tensors(config_, stages_, schemes_));
  for (const Stage& stage : stages_)
    for (const Linear& linear : stage.linears)
      if (const auto scheme = schemes_.find(linear.name); scheme != schemes_.end())
        check_stored_shape(quantized(checkpoint_, linear, scheme->second));
}

std::vector<std::filesystem::path> Model::files() const {
  std::vector<std::filesystem::path> files = checkpoint_.files();
  if (checkpoint_.main_file() != files.front()) files.push_back(checkpoint_.main_file());
  files.push_back(directory_ / "config.json");
  return files;
}

std::int64_t Model::stored_bytes(const Linear& linear) const {
  if (const auto scheme = schemes_.find(linear.name); scheme != schemes_.end())
    return framework::stored_bytes(quantized(checkpoint_, linear, scheme->second));
  return static_cast<std::int64_t>(checkpoint_.at(linear.name + ".weight").bytes.size());
}

std::int64_t Model::total_bytes() const {
  return checkpoint_.total_bytes();
}

void Model::read_weight(const Linear& linear, kernels::Matrix<float>& out) const {
  if (const auto scheme = schemes_.find(linear.name); scheme != schemes_.end())
    return read_quantized(quantized(checkpoint_, linear, scheme->second), out);
  read_matrix(checkpoint_, linear.name + ".weight", out);
}

kernels::LinearWeights Model::load_linear(const Linear& linear, kernels::Precision precision,
                                          kernels::Matrix<float>& buffer) const {
  const auto scheme = schemes_.find(linear.name);
  if (scheme != schemes_.end() && scheme->second.input != WeightScheme::Input::as_is)
    return read_int8(quantized(checkpoint_, linear, scheme->second));
  read_weight(linear, buffer);
  return kernels::LinearWeights::from_float(buffer.view(), precision);
}

std::vector<float> Model::read_bias(const Linear& linear) const {
  return linear.has_bias ? read_vector(checkpoint_, linear.name + ".bias") : std::vector<float>{};
}

std::vector<float> Model::input_norm(int layer) const {
  return read_vector(checkpoint_, layer_prefix(layer) + "input_layernorm.weight");
}

std::vector<float> Model::post_attention_norm(int layer) const {
  return read_vector(checkpoint_, layer_prefix(layer) + "post_attention_layernorm.weight");
}

std::vector<float> Model::q_norm(int layer) const {
  return config_.qk_norm ? read_vector(checkpoint_, layer_prefix(layer) + "self_attn.q_norm.weight")
                         : std::vector<float>{};
}

std::vector<float> Model::k_norm(int layer) const {
  return config_.qk_norm ? read_vector(checkpoint_, layer_prefix(layer) + "self_attn.k_norm.weight")
                         : std::vector<float>{};
}

std::vector<float> Model::final_norm() const {
  return read_vector(checkpoint_, "model.norm.weight");
}

void Model::read_embedding(kernels::Matrix<float>& out) const {
  read_matrix(checkpoint_, "model.embed_tokens.weight", out);
}

void Model::read_head(kernels::Matrix<float>& out) const {
  read_matrix(checkpoint_, config_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight", out);
}

}  // namespace pare::framework
