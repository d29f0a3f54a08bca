// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/export/export_layers.hpp"
#include "framework/io/json.hpp"
#include "framework/io/safetensors_writer.hpp"

namespace pare::framework {

/// A tensor of an exported file; its bytes are made when its turn comes.
struct ExportTensor {
  TensorSpec spec;
  std::function<std::vector<std::byte>()> make;
};

/// How a checkpoint directory holds compressed layers: one implementation a format. What does not depend on the format
/// (shards, names, sizes in config.json, other files) is export_model's. GGUF, which is no such directory, stands beside
/// it and shares ExportLayer.
class ModelFormat {
 public:
  virtual ~ModelFormat() = default;

  /// As on the command line: "compressed-tensors".
  virtual std::string name() const = 0;
  /// Why the format cannot hold these layers, with what could; nothing: it can.
  virtual std::optional<std::string> refusal(const std::vector<ExportLayer>& layers) const = 0;
  /// What takes the place of "<module>.weight", for a layer with a body.
  virtual std::vector<ExportTensor> tensors(const Model& model, const ExportLayer& layer) const = 0;
  /// What config.json says besides sizes.
  virtual void edit_config(const std::vector<ExportLayer>& layers, Json& config) const = 0;
};

/// compressed-tensors, for vLLM, SGLang and transformers: grids of 4 and 8 bits packed, w8a8 as int8, everything else
/// as it is in the checkpoint. Codes, scales (binary16, as the bank has them) and zero points are those of the bank, so
/// that its values are the bank's bit for bit; an engine that computes in bfloat16 rounds the scales to it when it loads
/// them.
std::unique_ptr<ModelFormat> compressed_tensors_format();

/// The values of compressed layers in binary32, which holds them exactly: for any tool, at no saving of bytes.
std::unique_ptr<ModelFormat> dense_format();

/// The one of a name; nullptr: none.
std::unique_ptr<ModelFormat> format_named(const std::string& name);

}  // namespace pare::framework
