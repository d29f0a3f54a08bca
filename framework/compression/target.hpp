// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "framework/compression/option.hpp"
#include "framework/model/model.hpp"

namespace pare::framework {

/// The engine that will serve the model. It decides before a search which options there are and which linears decide
/// together, so that every recipe can be exported to it.
///   vllm       compressed-tensors, as vLLM and SGLang execute it: grids of 4 and 8 bits, int8 activations; q, k, v and
///              gate, up run fused and have one scheme
///   llama_cpp  GGUF: its block formats and nothing else, each tensor for itself
enum class Target { none, vllm, llama_cpp };

/// As in YAML: "none", "vllm", "llama.cpp".
std::string to_string(Target target);
std::vector<std::string> target_names();
/// EXPECTs one of the names.
Target target_named(const std::string& name);

/// Why the engine cannot execute an option, with what it could; nothing: it can.
std::optional<std::string> refusal(Target target, const Option& option);

/// The same where the shape of a linear is why, for an option that is not refused as such.
std::optional<std::string> refusal(Target target, const Option& option, const Linear& linear);

/// Kinds of linears that the engine runs as one.
std::vector<std::vector<std::string>> ties_of(Target target);

/// Whether vLLM's fastest kernels for packed weights (Marlin: outputs % 64 == 0, inputs % 128 == 0) take the shape.
/// Other kernels exist for the rest, so that it is no reason to refuse.
bool fits_marlin(const Linear& linear);

}  // namespace pare::framework
