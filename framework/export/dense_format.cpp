// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "framework/export/model_format.hpp"

namespace pare::framework {
namespace {

class DenseFormat : public ModelFormat {
 public:
  std::string name() const override { return "dense"; }

  std::optional<std::string> refusal(const std::vector<ExportLayer>& layers) const override {
    for (const ExportLayer& layer : layers) {
      if (layer.option.activation_bits == 16) continue;
      return layer.linear->name + " is '" + layer.option.name() +
             "', and plain weights cannot say that inputs are quantized, use --format compressed-tensors";
    }
    return std::nullopt;
  }

  std::vector<ExportTensor> tensors(const Model& model, const ExportLayer& layer) const override {
    const LayerShape shape = layer.stored->shape;
    return {{{layer.linear->name + ".weight", StoredType::f32, {shape.outputs, shape.inputs}}, [&model, &layer] {
               kernels::Matrix<float> weight;
               read_layer(model, layer, weight);
               std::vector<std::byte> bytes(static_cast<std::size_t>(weight.size()) * sizeof(float));
               std::memcpy(bytes.data(), weight.data(), bytes.size());
               return bytes;
             }}};
  }

  /// Else loaders would round the weights to the type of the checkpoint.
  void edit_config(const std::vector<ExportLayer>&, Json& config) const override {
    for (const char* key : {"torch_dtype", "dtype"})
      if (config.contains(key)) config[key] = "float32";
  }
};

}  // namespace

std::unique_ptr<ModelFormat> dense_format() {
  return std::make_unique<DenseFormat>();
}

}  // namespace pare::framework
