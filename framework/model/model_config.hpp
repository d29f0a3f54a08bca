// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pare::framework {

/// What config.json of a supported checkpoint says, checked and completed with the architecture's defaults.
/// Supported model_type: llama, mistral, qwen2, qwen3 (decoder-only, RMSNorm, SwiGLU, rotary positions).
struct ModelConfig {
  std::string model_type;
  std::int64_t vocabulary = 0;
  std::int64_t hidden = 0;
  std::int64_t intermediate = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t max_positions = 0;
  std::int64_t sliding_window = 0;  ///< 0: none; else every layer sees at most so many tokens
  double rms_norm_epsilon = 1e-5;
  bool attention_bias = false;  ///< biases on q, k, v
  bool attention_output_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;  ///< RMSNorm over each head of q and k (qwen3)
  bool tied_embeddings = false;
  std::int64_t bos_token = -1;              ///< -1: none
  double rope_theta = 10000;                ///< base of the rotary frequencies
  std::vector<double> inverse_frequencies;  ///< head_dim / 2 values, rope scaling (llama3, linear) already applied
};

/// Reads and checks DIR/config.json (transformers 4 and 5 spellings). Throws InputError naming file, key and
/// what would be right: an unsupported architecture (with the supported list), an unsupported rope type,
/// sizes that do not fit each other.
ModelConfig read_model_config(const std::filesystem::path& directory);

}  // namespace pare::framework
