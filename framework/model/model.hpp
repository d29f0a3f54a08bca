// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/model/model_config.hpp"
#include "framework/model/model_weights.hpp"
#include "framework/model/stage.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// A checkpoint as a chain of stages: embedding, then attention and mlp of every layer, then the head. Weights stay in
/// the mapped files, one copy a node; `read_*` convert to binary32. Linears may be quantized, by compressed-tensors or as
/// blocks of GGUF: their weights are then what their codes stand for. Immutable after construction, so safe for any number
/// of threads.
///
/// The constructor checks that every tensor of the architecture is there, with the right shape and dtype, that no weight is NaN or infinite, and that there is no tensor which would be left unused (a bias that
/// config.json does not mention); it throws InputError naming file and tensor.
class Model {
 public:
  /// A Hugging Face model directory, or a GGUF file.
  explicit Model(const std::filesystem::path& path);

  const ModelConfig& config() const { return config_; }
  const std::vector<Stage>& stages() const { return stages_; }
  const std::filesystem::path& directory() const { return path_; }  ///< or the file
  /// All that was read from there: config.json, weights, and the index of shards; or the one file.
  std::vector<std::filesystem::path> files() const { return weights_->files(); }

  /// XXH3-128 over config.json and all tensor bytes, or over the GGUF file, as 32 hexadecimal digits.
  const std::string& hash() const { return weights_->hash(); }

  /// Whether any weight is quantized in the checkpoint.
  bool is_quantized() const { return weights_->is_quantized(); }

  /// Bytes of a linear's weight in the checkpoint (its own dtype; codes, scales and all that belongs to them).
  std::int64_t stored_bytes(const Linear& linear) const { return weights_->stored_bytes(linear); }
  std::int64_t total_bytes() const { return weights_->total_bytes(); }

  /// [outputs, inputs] of a linear. `out` is reshaped.
  void read_weight(const Linear& linear, kernels::Matrix<float>& out) const { weights_->read_weight(linear, out); }
  /// A linear ready for the GEMM: the integer one where the checkpoint says that its inputs are quantized, else
  /// `precision`. `buffer` may be used.
  kernels::LinearWeights load_linear(const Linear& linear, kernels::Precision precision,
                                     kernels::Matrix<float>& buffer) const {
    return weights_->load_linear(linear, precision, buffer);
  }
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
  std::filesystem::path path_;
  ModelConfig config_;
  std::vector<Stage> stages_;
  std::unique_ptr<const ModelWeights> weights_;
};

}  // namespace pare::framework
