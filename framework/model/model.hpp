// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "framework/io/checkpoint.hpp"
#include "framework/model/model_config.hpp"
#include "framework/model/weight_scheme.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/gemm/linear.hpp"

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

/// A checkpoint as a chain of stages: embedding, then attention and mlp of every layer, then the head. Weights stay in
/// the mapped files, one copy a node; `read_*` convert to binary32. Linears may be quantized by compressed-tensors: their
/// weights are then what their codes stand for. Immutable after construction, so safe for any number of threads.
///
/// The constructor checks that every tensor of the architecture is there, with the right shape and dtype, that no weight is NaN or infinite, and that there is no tensor which would be left unused (a bias that
/// config.json does not mention); it throws InputError naming file and tensor.
class Model {
 public:
  explicit Model(const std::filesystem::path& directory);

  const ModelConfig& config() const { return config_; }
  const std::vector<Stage>& stages() const { return stages_; }
  const std::filesystem::path& directory() const { return directory_; }
  /// All that was read from there: config.json, weights, and the index of shards.
  std::vector<std::filesystem::path> files() const;

  /// XXH3-128 over config.json and all tensor bytes, as 32 hexadecimal digits.
  const std::string& hash() const { return hash_; }

  /// Whether any linear is quantized in the checkpoint.
  bool is_quantized() const { return !schemes_.empty(); }

  /// Bytes of a linear's weight in the checkpoint (its own dtype; codes, scales and all that belongs to them).
  std::int64_t stored_bytes(const Linear& linear) const;
  std::int64_t total_bytes() const;

  /// [outputs, inputs] of a linear. `out` is reshaped.
  void read_weight(const Linear& linear, kernels::Matrix<float>& out) const;
  /// A linear ready for the GEMM: the integer one where the checkpoint says that its inputs are quantized, else
  /// `precision`. `buffer` may be used.
  kernels::LinearWeights load_linear(const Linear& linear, kernels::Precision precision,
                                     kernels::Matrix<float>& buffer) const;
  /// Empty when the linear has no bias.
  std::vector<float> read_bias(const Linear& linear) const;

  std::vector<float> input_norm(int layer) const;           ///< before attention
  std::vector<float> post_attention_norm(int layer) const;  ///< before the mlp
  std::vector<float> q_norm(int layer) const;               ///< empty without qk_norm
  std::vector<float> k_norm(int layer) const;
  std::vector<float> final_norm() const;
  void read_embedding(kernels::Matrix<float>& out) const;  ///< [vocabulary, hidden]
  void read_head(kernels::Matrix<float>& out) const;       ///< [vocabulary, hidden]; the embedding when tied

 private:
  std::filesystem::path directory_;
  ModelConfig config_;
  Checkpoint checkpoint_;
  std::vector<Stage> stages_;
  std::map<std::string, WeightScheme> schemes_;  ///< of quantized linears, by module
  std::string hash_;
};

}  // namespace pare::framework
