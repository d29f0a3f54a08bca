// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "framework/export/export_layers.hpp"

namespace pare::framework {

/// The hf_quant_config.json that NVIDIA's ModelOpt writes beside a checkpoint and TensorRT-LLM reads, as JSON: which layer
/// is quantized how, and no weights, whose packing is those tools'. Layers at 16 bits are not listed, or, where all
/// others are alike, excluded. In words of TensorRT-LLM's QuantAlgo:
///
///   4 bits    in groups W4A16_AWQ, after GPTQ W4A16_GPTQ; a scale a row W4A16
///   8 bits    in groups W8A16_GPTQ; a scale a row, symmetric, W8A16
///   w8a8      W8A8_SQ_PER_CHANNEL_PER_TOKEN_PLUGIN, ..._PER_TENSOR_PLUGIN with static activations; with one scale for the
///             layer W8A8_SQ_PER_TENSOR_...
///
/// Throws InputError naming the first layer that it has no words for, and what would be right, and where q, k, v or gate,
/// up of a layer differ, which TensorRT-LLM runs as one.
std::string modelopt_config(const std::vector<ExportLayer>& layers);

}  // namespace pare::framework
