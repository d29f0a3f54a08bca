// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "framework/export/export_layers.hpp"

namespace pare::framework {

/// A recipe for llm-compressor, as YAML: the bits, groups and activations of each layer, to be quantized by that tool from
/// the original checkpoint (GPTQModifier where pare has gptq, QuantizationModifier elsewhere). Its scales are its own, so
/// that losses come near those of pare and are not the same. Throws InputError naming the first layer whose option it
/// has no words for: blocks, sparsity, structure, scaled inputs.
std::string llm_compressor_recipe(const std::vector<ExportLayer>& layers);

}  // namespace pare::framework
