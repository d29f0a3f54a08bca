// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/export/export_layers.hpp"
#include "framework/export/export_model.hpp"
#include "framework/io/gguf_writer.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

/// A tensor of a GGUF file; its bytes are made when its turn comes.
struct GgufExportTensor {
  GgufTensorSpec spec;
  bool searched = false;  ///< the weight of a linear that the recipe decides
  std::function<std::vector<std::byte>()> make;
};

/// All that goes into a GGUF file. Compressed layers have the blocks of the bank, bit for bit; all else is as in the
/// source. Closures look at model, layers and `source`.
struct GgufExport {
  GgufKeys keys;
  std::vector<GgufExportTensor> tensors;
  std::vector<std::string> remarks;    ///< for people, a line each: what the file lacks, what stays as it was
  std::int64_t rounded = 0;            ///< weights that the template holds with other values than the checkpoint
  std::shared_ptr<const void> source;  ///< keeps mapped files alive
};

/// Throws InputError where GGUF, or llama.cpp's architecture, cannot hold the layers: integer grids, structure, sparse
/// storage, rows that are no whole blocks, biases that the architecture does not have.
void check_gguf_exportable(const Model& model, const std::vector<ExportLayer>& layers);

/// From a Hugging Face checkpoint: keys from config.json, tokenizer keys from the files beside it. Norms, biases and what
/// else is a vector become F32, as llama.cpp wants it; matrices that are not searched stay in the checkpoint's type.
GgufExport gguf_from_checkpoint(const Model& model, const std::vector<ExportLayer>& layers);

/// From the user's own F32, F16 or BF16 GGUF file: its keys, its tensors in its order, with those of compressed layers
/// re-typed. Throws InputError when the file is not of this model: architecture, sizes, and every weight within the
/// rounding of its type.
GgufExport gguf_from_template(const Model& model, const std::vector<ExportLayer>& layers,
                              const std::filesystem::path& base);

/// Streams the file; `progress` hears of bytes written and bytes in all.
ExportedBytes write_gguf(const GgufExport& content, const std::filesystem::path& file,
                         const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace pare::framework
