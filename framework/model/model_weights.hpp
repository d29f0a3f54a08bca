// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "framework/io/gguf_file.hpp"
#include "framework/model/stage.hpp"
#include "kernels/core/matrix.hpp"
#include "kernels/gemm/linear.hpp"

namespace pare::framework {

/// Where the weights of a Model lie: one implementation a kind of file. Tensors go by their names in a Hugging Face
/// checkpoint and are handed out in binary32. Immutable, so safe for any number of threads. What the functions mean is
/// said at Model.
class ModelWeights {
 public:
  virtual ~ModelWeights() = default;

  virtual std::vector<std::filesystem::path> files() const = 0;
  virtual const std::string& hash() const = 0;
  virtual bool is_quantized() const = 0;
  virtual std::int64_t stored_bytes(const Linear& linear) const = 0;
  virtual std::int64_t total_bytes() const = 0;

  /// Tensors that are not the weight of a linear.
  virtual void read_matrix(const std::string& name, kernels::Matrix<float>& out) const = 0;
  virtual std::vector<float> read_vector(const std::string& name) const = 0;

  virtual void read_weight(const Linear& linear, kernels::Matrix<float>& out) const = 0;
  virtual kernels::LinearWeights load_linear(const Linear& linear, kernels::Precision precision,
                                             kernels::Matrix<float>& buffer) const = 0;
};

/// A Hugging Face model directory; linears may be quantized by compressed-tensors. Some checkpoints leave the head out
/// without saying that it is tied: `config` learns of it.
std::unique_ptr<ModelWeights> checkpoint_weights(const std::filesystem::path& directory, ModelConfig& config,
                                                 const std::vector<Stage>& stages);

/// A GGUF file, whose blocks are expanded as kernels/quantize does.
std::unique_ptr<ModelWeights> gguf_weights(GgufFile file, const ModelConfig& config, const std::vector<Stage>& stages);

}  // namespace pare::framework
