// SPDX-License-Identifier: Apache-2.0
#include "framework/config/utf8.hpp"

#include <fmt/format.h>

namespace pare::framework {
namespace {

unsigned char byte_at(std::string_view text, std::size_t index) {
  return index < text.size() ? static_cast<unsigned char>(text[index]) : 0;
}

/// Bytes of the well-formed character at `index` (Unicode standard, table 3-7), 0 when there is none.
std::size_t character_length(std::string_view text, std::size_t index) {
  const unsigned char first = byte_at(text, index);
  if (first < 0x80) return 1;
  const auto continues = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if ((byte_at(text, index + i) & 0xc0) != 0x80) return false;
    }
    return true;
  };
  const unsigned char second = byte_at(text, index + 1);
  if (first >= 0xc2 && first <= 0xdf) return continues(1, 2) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
    return continues(1, 3) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    return continues(1, 4) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text, i);
    if (length == 0) return i;
    i += length;
  }
  return std::nullopt;
}

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 100;
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    if (result.size() >= longest) return result + "...";
    const std::size_t length = character_length(text, i);
    const unsigned char first = byte_at(text, i);
    if (length == 0 || first < 0x20 || first == 0x7f) {
      result += fmt::format("\\x{:02x}", first);
      ++i;
    } else {
      result += text.substr(i, length);
      i += length;
    }
  }
  return result;
}

}  // namespace pare::framework
