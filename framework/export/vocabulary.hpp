// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "framework/io/json.hpp"
#include "framework/io/sentencepiece.hpp"

namespace pare::framework {

/// The vocabulary of a model as llama.cpp has it.
struct Vocabulary {
  using Type = SentencePieceModel::Type;  ///< GGUF has the same numbers

  std::string model;  ///< tokenizer.ggml.model: "gpt2", byte-level BPE; "llama", SentencePiece
  std::string pre;    ///< tokenizer.ggml.pre: how texts are cut before merging
  std::vector<std::string> tokens;
  std::vector<Type> types;          ///< of each token
  std::vector<float> scores;        ///< "llama": of each token, the highest is merged first
  std::vector<std::string> merges;  ///< "gpt2": "left right", the first is merged first
  std::optional<bool> adds_space;   ///< "llama": in front of a text
  std::vector<std::string> warnings;

  /// Makes room for `token`; what is not named stays unused.
  void set(std::int64_t token, std::string text, Type type, float score);
  /// The token of a text.
  std::optional<std::int64_t> find(const std::string& text) const;
};

/// Of tokenizer.json. Nothing: llama.cpp has no form for it, `why` says why. Throws InputError naming `source` when it is
/// damaged. Tokens of `size` and above, which the model does not have, are left out.
std::optional<Vocabulary> read_tokenizer_json(const Json& document, const std::string& source, std::int64_t size,
                                              std::string& why);

/// Of tokenizer.model.
Vocabulary vocabulary_of(const SentencePieceModel& model, std::int64_t size);

}  // namespace pare::framework
