// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "framework/export/export_layers.hpp"
#include "framework/export/gguf_export.hpp"
#include "framework/model/model.hpp"

namespace pare::framework::detail {

/// Layers by the GGUF name of their weight.
std::map<std::string, const ExportLayer*> layers_by_gguf_name(const std::vector<ExportLayer>& layers);

/// The weight of a layer that the bank stores: its blocks, or bfloat16, in llama.cpp's order of rows.
GgufExportTensor stored_tensor(const Model& model, const ExportLayer& layer);

/// general.file_type, by the type that most bytes have, and general.quantization_version.
void set_file_type(GgufExport& content);

/// "embedding and output stay F16 (...)": what a stock llama-quantize would have made smaller.
std::string remark_on_embeddings(const GgufExport& content);

}  // namespace pare::framework::detail
