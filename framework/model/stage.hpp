// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/model/model_config.hpp"

namespace pare::framework {

enum class StageKind { embedding, attention, mlp, head };

/// A linear layer of the model: `name` is the module ("model.layers.3.self_attn.q_proj"), `kind` its last word
/// ("q_proj").
struct Linear {
  std::string name;
  std::string kind;
  int layer = 0;
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
  bool has_bias = false;
};

/// A step of the chain. Between two stages there is one hidden tensor [tokens, hidden].
///   attention: linears are q_proj, k_proj, v_proj, o_proj; mlp: gate_proj, up_proj, down_proj (in this order)
///   embedding and head have no linears: their weights are not searched
struct Stage {
  StageKind kind;
  int layer = -1;
  std::vector<Linear> linears;
};

/// Embedding, then attention and mlp of every layer, then the head.
std::vector<Stage> make_stages(const ModelConfig& config);

/// A tensor of an architecture, by its name in an unquantized Hugging Face checkpoint.
struct ModelTensor {
  std::string name;
  std::vector<std::int64_t> shape;
};

/// Every tensor: embedding, layer by layer, final norm, and the head where it is not tied.
std::vector<ModelTensor> model_tensors(const ModelConfig& config, const std::vector<Stage>& stages);

}  // namespace pare::framework
