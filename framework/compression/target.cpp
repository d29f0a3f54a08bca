// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/target.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

constexpr std::array names{std::pair{"none", Target::none}, std::pair{"vllm", Target::vllm},
                           std::pair{"llama.cpp", Target::llama_cpp}};

bool is_vllm_group(int group_size) {
  return group_size == 0 || group_size == 32 || group_size == 64 || group_size == 128;
}

std::optional<std::string> refused_by_vllm(const Option& option) {
  const auto bits = std::to_string(option.grid.bits);
  if (option.is_structured()) return "all layers of one model have the same sizes there, use options such as w4-g128";
  if (option.sparsity && !option.sparsity->dense)
    return "it has no kernels for sparse storage, write '-dense' behind the sparsity";
  if (option.weights == Option::Weights::blocks)
    return "compressed-tensors files hold no GGUF blocks, use w4-g128 or w8-channel";
  if (option.weights == Option::Weights::original) return std::nullopt;
  if (option.rounding == Option::Rounding::awq || option.smooth)
    return "the scales of inputs have no place in its files, use '-gptq' or '-mse' instead";
  if (option.activation_bits == 8) {
    if (option.grid.bits == 8) return std::nullopt;
    return "int8 activations go with weights of 8 bits there, use w8a8";
  }
  if (option.grid.bits != 4 && option.grid.bits != 8)
    return "packed weights have 4 or 8 bits there, not " + bits + ", use w4-g128 or w8-channel";
  if (option.grid.tensor) return "packed weights have a scale for every row or group there, use w" + bits + "-channel";
  if (!is_vllm_group(option.grid.group_size))
    return "groups have 32, 64 or 128 weights or the whole row there, use w" + bits + "-g128 or w" + bits + "-channel";
  return std::nullopt;
}

std::optional<std::string> refused_by_llama_cpp(const Option& option) {
  if (option.is_structured()) return "its files have one number of heads and channels for all layers";
  if (option.sparsity && !option.sparsity->dense) return "it stores every weight, write '-dense' behind the sparsity";
  if (option.weights == Option::Weights::grid)
    return "it executes GGUF blocks only, use q4_k, q8_0 or another of `pare options`";
  return std::nullopt;
}

}  // namespace

std::string to_string(Target target) {
  return std::find_if(names.begin(), names.end(), [&](const auto& known) { return known.second == target; })->first;
}

std::vector<std::string> target_names() {
  std::vector<std::string> list;
  for (const auto& [name, target] : names) list.emplace_back(name);
  return list;
}

Target target_named(const std::string& name) {
  const auto* const found = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.first == name; });
  EXPECT(found != names.end(), name);
  return found->second;
}

std::optional<std::string> refusal(Target target, const Option& option) {
  std::optional<std::string> why;
  if (target == Target::vllm) why = refused_by_vllm(option);
  if (target == Target::llama_cpp) why = refused_by_llama_cpp(option);
  if (why) why = "target " + to_string(target) + " does not execute '" + option.name() + "': " + *why;
  return why;
}

std::optional<std::string> refusal(Target target, const Option& option, const Linear& linear) {
  const int group = option.grid.group_size;
  if (target == Target::vllm && option.weights == Option::Weights::grid && group > 0 && linear.inputs % group != 0) {
    return "target vllm needs whole groups, and " + std::to_string(group) + " does not divide the " +
           std::to_string(linear.inputs) + " inputs of " + linear.kind;
  }
  return std::nullopt;  // GGUF's own rule, whole blocks, is body_bytes'
}

std::vector<std::vector<std::string>> ties_of(Target target) {
  if (target == Target::vllm) return {{"q_proj", "k_proj", "v_proj"}, {"gate_proj", "up_proj"}};
  return {};
}

bool fits_marlin(const Linear& linear) {
  return linear.outputs % 64 == 0 && linear.inputs % 128 == 0;
}

}  // namespace pare::framework
