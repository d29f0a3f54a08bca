// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/io/gguf_value.hpp"
#include "framework/model/model_config.hpp"

namespace pare::framework {

/// Adds the keys tokenizer.*: vocabulary, special tokens, chat template. They come from tokenizer.model (SentencePiece) or
/// tokenizer.json (byte-level BPE, or SentencePiece's BPE with byte fallback), tokenizer_config.json, generation_config.json
/// and config.json. Returns warnings, a line each: no tokenizer there, or one that llama.cpp has no form for (then no keys
/// are added), an unknown way to cut texts before merging. Throws InputError for damaged files.
std::vector<std::string> add_tokenizer_keys(const std::filesystem::path& directory, const ModelConfig& config,
                                            GgufKeys& keys);

}  // namespace pare::framework
