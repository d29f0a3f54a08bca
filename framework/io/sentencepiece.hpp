// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pare::framework {

/// What a tokenizer.model of SentencePiece holds of a vocabulary.
struct SentencePieceModel {
  /// By the numbers of the format, which GGUF shares.
  enum class Type : std::int32_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::normal;
  };

  std::vector<Piece> pieces;  ///< the index is the token
  bool is_bpe = false;        ///< else unigram or another algorithm
  bool adds_space = true;     ///< in front of a text
};

/// Reads the protocol buffer; fields that are not asked for are skipped. Every length is checked: throws InputError naming
/// `source` and the byte. Needs at least one piece and at most 2^24.
SentencePieceModel parse_sentencepiece(std::span<const std::byte> file, const std::string& source);

}  // namespace pare::framework
