// SPDX-License-Identifier: Apache-2.0
#include "framework/export/modelopt.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "framework/compression/target.hpp"
#include "framework/io/json.hpp"
#include "framework/provenance/provenance.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::optional<std::string> refusal_of(const Option& option) {
  const kernels::Grid& grid = option.grid;
  if (option.is_structured()) return "takes heads, channels or the layer away, all layers have their sizes there";
  if (option.sparsity) return "is sparse, use bits alone";
  if (option.weights == Option::Weights::blocks) return "is a GGUF block, use w4-g128 or w8-channel-sym";
  if (option.weights == Option::Weights::original) return std::nullopt;
  if (option.activation_bits == 8)
    return grid.bits == 8 ? std::nullopt
                          : std::optional("has int8 activations with weights of less than 8 bits, use w8a8");
  if (grid.bits != 4 && grid.bits != 8) return "has neither 4 nor 8 bits, use w4-g128 or w8-channel-sym";
  if (grid.tensor) return "has one scale for the layer, use groups or '-channel'";
  if (grid.group_size == 0 && !grid.symmetric) return "has zero points for rows, write '-sym' or use groups";
  return std::nullopt;
}

bool is_gptq(const Option& option) {
  return option.rounding == Option::Rounding::gptq || option.rounding == Option::Rounding::gptq_ordered;
}

std::string algorithm_of(const Option& option) {
  const kernels::Grid& grid = option.grid;
  if (option.activation_bits == 8) {
    const std::string weights = grid.tensor ? "TENSOR" : "CHANNEL";
    if (option.static_range && grid.tensor) return "W8A8_SQ_PER_TENSOR_PLUGIN";
    return "W8A8_SQ_PER_" + weights + (option.static_range ? "_PER_TENSOR_PLUGIN" : "_PER_TOKEN_PLUGIN");
  }
  const std::string stem = grid.bits == 4 ? "W4A16" : "W8A16";
  if (grid.group_size == 0) return stem;
  return stem + (grid.bits == 8 || is_gptq(option) ? "_GPTQ" : "_AWQ");
}

/// Empty for a layer at 16 bits.
Json entry_of(const Option& option) {
  if (option.weights != Option::Weights::grid) return Json::object();
  Json entry{{"quant_algo", algorithm_of(option)}};
  if (option.activation_bits == 16 && option.grid.group_size > 0) {
    entry["group_size"] = option.grid.group_size;
    entry["has_zero_point"] = !option.grid.symmetric;
    entry["pre_quant_scale"] = option.rounding == Option::Rounding::awq;
  }
  return entry;
}

void check_fused(const std::vector<ExportLayer>& layers) {
  for (const std::vector<std::string>& fused : ties_of(Target::vllm)) {
    std::map<int, const ExportLayer*> first;
    for (const ExportLayer& layer : layers) {
      if (std::ranges::find(fused, layer.linear->kind) == fused.end()) continue;
      const ExportLayer& other = *first.emplace(layer.linear->layer, &layer).first->second;
      VALIDATE(entry_of(other.option) == entry_of(layer.option), "--format modelopt: ", other.linear->name, " is '",
               other.option.name(), "' and ", layer.linear->kind, " '", layer.option.name(),
               "', but TensorRT-LLM runs them as one; search with target: vllm, which ties them");
    }
  }
}

}  // namespace

std::string modelopt_config(const std::vector<ExportLayer>& layers) {
  Json quantized = Json::object();
  Json excluded = Json::array({"lm_head"});
  bool alike = true;
  for (const ExportLayer& layer : layers) {
    const auto why = refusal_of(layer.option);
    VALIDATE(!why, "--format modelopt: ", layer.linear->name, " is '", layer.option.name(), "', which ", *why);
    Json entry = entry_of(layer.option);
    if (entry.empty()) {
      excluded.push_back(layer.linear->name);
    } else {
      quantized[layer.linear->name] = std::move(entry);
      alike = alike && quantized.back() == quantized.front();
    }
  }
  check_fused(layers);
  Json quantization{{"quant_algo", quantized.empty() ? Json("NO_QUANT") : Json("MIXED_PRECISION")},
                    {"kv_cache_quant_algo", nullptr}};
  if (!alike) {
    quantization["quantized_layers"] = quantized;
  } else {
    if (!quantized.empty()) quantization.update(quantized.front());
    quantization["exclude_modules"] = excluded;
  }
  return Json{{"producer", {{"name", "pare"}, {"version", version()}}}, {"quantization", quantization}}.dump(4) + "\n";
}

}  // namespace pare::framework
