// SPDX-License-Identifier: Apache-2.0
#include "framework/model/model.hpp"

#include <utility>

#include "framework/model/gguf_config.hpp"

namespace pare::framework {
namespace {

std::string layer_prefix(int layer) {
  return "model.layers." + std::to_string(layer) + ".";
}

}  // namespace

Model::Model(const std::filesystem::path& path) : path_(path) {
  if (std::filesystem::is_regular_file(path)) {
    GgufFile file(path);
    config_ = read_gguf_config(file);
    stages_ = make_stages(config_);
    weights_ = gguf_weights(std::move(file), config_, stages_);
  } else {
    config_ = read_model_config(path);
    stages_ = make_stages(config_);
    weights_ = checkpoint_weights(path, config_, stages_);
  }
}

std::vector<float> Model::read_bias(const Linear& linear) const {
  return linear.has_bias ? weights_->read_vector(linear.name + ".bias") : std::vector<float>{};
}

std::vector<float> Model::input_norm(int layer) const {
  return weights_->read_vector(layer_prefix(layer) + "input_layernorm.weight");
}

std::vector<float> Model::post_attention_norm(int layer) const {
  return weights_->read_vector(layer_prefix(layer) + "post_attention_layernorm.weight");
}

std::vector<float> Model::q_norm(int layer) const {
  return config_.qk_norm ? weights_->read_vector(layer_prefix(layer) + "self_attn.q_norm.weight")
                         : std::vector<float>{};
}

std::vector<float> Model::k_norm(int layer) const {
  return config_.qk_norm ? weights_->read_vector(layer_prefix(layer) + "self_attn.k_norm.weight")
                         : std::vector<float>{};
}

std::vector<float> Model::final_norm() const {
  return weights_->read_vector("model.norm.weight");
}

void Model::read_embedding(kernels::Matrix<float>& out) const {
  weights_->read_matrix("model.embed_tokens.weight", out);
}

void Model::read_head(kernels::Matrix<float>& out) const {
  weights_->read_matrix(config_.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight", out);
}

}  // namespace pare::framework
