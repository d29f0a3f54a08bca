// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <utility>

#include "framework/io/checkpoint.hpp"
#include "framework/io/tensor_read.hpp"
#include "framework/model/model_weights.hpp"
#include "framework/model/quantization_config.hpp"
#include "framework/model/quantized_weights.hpp"
#include "framework/model/tensor_check.hpp"

namespace pare::framework {
namespace {

using Schemes = std::map<std::string, WeightScheme>;

Schemes read_schemes(const std::filesystem::path& directory, const std::vector<Stage>& stages) {
  const QuantizationConfig quantization = read_quantization_config(directory);
  Schemes schemes;
  for (const Stage& stage : stages)
    for (const Linear& linear : stage.linears)
      if (const auto scheme = quantization.scheme_of(linear.name)) schemes[linear.name] = *scheme;
  return schemes;
}

class CheckpointWeights : public ModelWeights {
 public:
  CheckpointWeights(const std::filesystem::path& directory, ModelConfig& config, const std::vector<Stage>& stages)
      : checkpoint_(directory), schemes_(read_schemes(directory, stages)) {
    if (!checkpoint_.find("lm_head.weight")) config.tied_embeddings = true;
    hash_ = detail::check_and_hash(checkpoint_, config, expected_tensors(config, stages));
    for (const Stage& stage : stages)
      for (const Linear& linear : stage.linears)
        if (const WeightScheme* const scheme = scheme_of(linear)) check_stored_shape(quantized(linear, *scheme));
  }

  std::vector<std::filesystem::path> files() const override {
    std::vector<std::filesystem::path> files = checkpoint_.files();
    if (checkpoint_.main_file() != files.front()) files.push_back(checkpoint_.main_file());
    files.push_back(checkpoint_.directory() / "config.json");
    return files;
  }
  const std::string& hash() const override { return hash_; }
  bool is_quantized() const override { return !schemes_.empty(); }

  std::int64_t stored_bytes(const Linear& linear) const override {
    if (const WeightScheme* const scheme = scheme_of(linear))
      return framework::stored_bytes(quantized(linear, *scheme));
    return static_cast<std::int64_t>(checkpoint_.at(linear.name + ".weight").bytes.size());
  }
  std::int64_t total_bytes() const override { return checkpoint_.total_bytes(); }

  void read_matrix(const std::string& name, kernels::Matrix<float>& out) const override {
    const TensorView tensor = checkpoint_.at(name);
    out.reshape(tensor.info.shape.at(0), tensor.info.shape.at(1));
    read_tensor(tensor.info.type, tensor.bytes, {out.data(), static_cast<std::size_t>(out.size())});
  }

  std::vector<float> read_vector(const std::string& name) const override {
    const TensorView tensor = checkpoint_.at(name);
    std::vector<float> values(static_cast<std::size_t>(tensor.info.shape.at(0)));
    read_tensor(tensor.info.type, tensor.bytes, values);
    return values;
  }

  void read_weight(const Linear& linear, kernels::Matrix<float>& out) const override {
    if (const WeightScheme* const scheme = scheme_of(linear)) return read_quantized(quantized(linear, *scheme), out);
    read_matrix(linear.name + ".weight", out);
  }

  kernels::LinearWeights load_linear(const Linear& linear, kernels::Precision precision,
                                     kernels::Matrix<float>& buffer) const override {
    const WeightScheme* const scheme = scheme_of(linear);
    if (scheme != nullptr && scheme->input != WeightScheme::Input::as_is) return read_int8(quantized(linear, *scheme));
    read_weight(linear, buffer);
    return kernels::LinearWeights::from_float(buffer.view(), precision);
  }

 private:
  const WeightScheme* scheme_of(const Linear& linear) const {
    const auto found = schemes_.find(linear.name);
    return found == schemes_.end() ? nullptr : &found->second;
  }

  QuantizedLinear quantized(const Linear& linear, const WeightScheme& scheme) const {
    return {checkpoint_, linear.name, scheme, linear.outputs, linear.inputs};
  }

  /// Those of the architecture, with codes and scales in place of quantized weights.
  std::vector<detail::ExpectedTensor> expected_tensors(const ModelConfig& config,
                                                       const std::vector<Stage>& stages) const {
    std::map<std::string, const Linear*> quantized;  // by name of the weight
    for (const Stage& stage : stages)
      for (const Linear& linear : stage.linears)
        if (schemes_.contains(linear.name)) quantized[linear.name + ".weight"] = &linear;
    std::vector<detail::ExpectedTensor> tensors;
    for (ModelTensor& tensor : model_tensors(config, stages)) {
      const auto found = quantized.find(tensor.name);
      if (found == quantized.end()) {
        tensors.push_back({std::move(tensor.name), std::move(tensor.shape)});
        continue;
      }
      const Linear& linear = *found->second;
      for (SchemeTensor& part : tensors_of(schemes_.at(linear.name), linear.outputs, linear.inputs))
        tensors.push_back({linear.name + "." + part.suffix, std::move(part.shape), std::move(part.types)});
    }
    return tensors;
  }

  Checkpoint checkpoint_;
  Schemes schemes_;  ///< of quantized linears, by module
  std::string hash_;
};

}  // namespace

std::unique_ptr<ModelWeights> checkpoint_weights(const std::filesystem::path& directory, ModelConfig& config,
                                                 const std::vector<Stage>& stages) {
  return std::make_unique<CheckpointWeights>(directory, config, stages);
}

}  // namespace pare::framework
