// SPDX-License-Identifier: Apache-2.0
#include "framework/export/llm_compressor.hpp"

#include <fmt/format.h>

#include <map>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

bool is_gptq(const Option& option) {
  return option.rounding == Option::Rounding::gptq || option.rounding == Option::Rounding::gptq_ordered;
}

void check_option(const ExportLayer& layer) {
  const Option& option = layer.option;
  const bool is_plain = !option.is_structured() && !option.sparsity && !option.scales_inputs();
  VALIDATE(is_plain && option.weights != Option::Weights::blocks, "--format llm-compressor: ", layer.linear->name,
           " is '", option.name(), "', which is no integer grid of that tool; use --format dense");
}

std::string weights_of(const Option& option) {
  const kernels::Grid& grid = option.grid;
  const std::string strategy = grid.tensor            ? "tensor"
                               : grid.group_size == 0 ? "channel"
                                                      : fmt::format("group, group_size: {}", grid.group_size);
  return fmt::format("{{num_bits: {}, type: int, symmetric: {}, strategy: {}, dynamic: false, observer: {}{}}}",
                     grid.bits, grid.symmetric, strategy, option.clip ? "mse" : "minmax",
                     option.rounding == Option::Rounding::gptq_ordered ? ", actorder: static" : "");
}

std::string inputs_of(const Option& option) {
  if (option.activation_bits == 16) return "";
  return option.static_range ? "{num_bits: 8, type: int, symmetric: true, strategy: tensor, dynamic: false}"
                             : "{num_bits: 8, type: int, symmetric: true, strategy: token, dynamic: true}";
}

}  // namespace

std::string llm_compressor_recipe(const std::vector<ExportLayer>& layers) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> modifiers;  // modifier, group, modules
  for (const ExportLayer& layer : layers) {
    check_option(layer);
    if (layer.option.weights != Option::Weights::grid) continue;
    std::string group = "          weights: " + weights_of(layer.option) + "\n";
    if (const std::string inputs = inputs_of(layer.option); !inputs.empty())
      group += "          input_activations: " + inputs + "\n";
    modifiers[is_gptq(layer.option) ? "GPTQModifier" : "QuantizationModifier"][group].push_back(layer.linear->name);
  }
  std::string text = "quant_stage:\n  quant_modifiers:\n";
  for (const auto& [modifier, groups] : modifiers) {
    text += fmt::format("    {}:\n      ignore: [lm_head]\n      config_groups:\n", modifier);
    int number = 0;
    for (const auto& [group, modules] : groups) {
      text += fmt::format("        group_{}:\n          targets:\n", number++);
      for (const std::string& module : modules) text += "            - " + module + "\n";
      text += group;
    }
  }
  if (modifiers.empty()) text = "quant_stage: {}\n";
  return text;
}

}  // namespace pare::framework
