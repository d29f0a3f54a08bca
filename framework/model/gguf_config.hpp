// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "framework/io/gguf_file.hpp"
#include "framework/model/model_config.hpp"

namespace pare::framework {

/// What the keys of a GGUF file say about its model, and its tensors: biases are there or not. Architectures: llama,
/// qwen2, qwen3, with one size for all layers. Rotary frequencies come from rope.freq_base, linear scaling and the
/// divisors in rope_freqs.weight. Throws InputError naming file and key.
ModelConfig read_gguf_config(const GgufFile& file);

}  // namespace pare::framework
