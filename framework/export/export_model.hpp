// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "framework/export/export_layers.hpp"
#include "framework/export/model_format.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

struct ExportedBytes {
  std::int64_t layers = 0;  ///< tensors of the layers that were searched, without biases
  std::int64_t total = 0;   ///< all tensors
};

/// Throws InputError where the layers cannot be exported: what the format refuses; a sub-layer that is dropped; heads or
/// channels that were taken away, unless all layers lost the same number, which is all that config.json can say; a
/// checkpoint that is quantized already.
void check_exportable(const Model& model, const std::vector<ExportLayer>& layers, const ModelFormat& format);

/// Writes a checkpoint directory for a model with compressed layers: weights in shards as the source has them, their
/// index, config.json, and copies of all other small files (tokenizer, generation settings). Tensors are written one by
/// one, so that memory holds one of them. `progress` hears of bytes written and bytes in all. `directory` is there and
/// empty. Throws InputError as check_exportable does, and naming the file when the disk is full.
ExportedBytes export_model(const Model& model, const std::vector<ExportLayer>& layers, const ModelFormat& format,
                           const std::filesystem::path& directory,
                           const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace pare::framework
