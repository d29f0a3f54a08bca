// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/option.hpp"

#include <charconv>
#include <optional>

#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::optional<int> parse_number(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

[[noreturn]] void reject(std::string_view text, const std::string& problem) {
  throw InputError("option '" + std::string(text) + "': " + problem +
                   " (options are w16, w<2..8>-g<group>[-sym], w<2..8>-channel[-sym], w<2..8>a8)");
}

/// The first word: w<bits> or w<bits>a<bits>.
void parse_bits(std::string_view text, std::string_view word, Option& option) {
  if (word.empty() || word.front() != 'w') reject(text, "does not start with 'w' and a number of bits");
  word.remove_prefix(1);
  const std::size_t split = word.find('a');
  const auto weight_bits = parse_number(word.substr(0, split));
  if (!weight_bits) reject(text, "no number of bits after 'w'");
  option.weight_bits = *weight_bits;
  if (split == std::string_view::npos) return;
  const auto activation_bits = parse_number(word.substr(split + 1));
  if (!activation_bits || (*activation_bits != 8 && *activation_bits != 16))
    reject(text, "activations have 8 or 16 bits");
  option.activation_bits = *activation_bits;
}

}  // namespace

std::string Option::name() const {
  if (method == Method::keep) return "w16";
  std::string text = "w" + std::to_string(weight_bits);
  if (activation_bits == 8) return text + "a8";
  text += grid.group_size == 0 ? "-channel" : "-g" + std::to_string(grid.group_size);
  return grid.symmetric ? text + "-sym" : text;
}

Option parse_option(std::string_view text) {
  Option option;
  std::size_t position = std::min(text.find('-'), text.size());
  parse_bits(text, text.substr(0, position), option);
  std::optional<int> group;
  bool symmetric = false;
  while (position < text.size()) {
    const std::size_t begin = position + 1;
    position = std::min(text.find('-', begin), text.size());
    const std::string_view word = text.substr(begin, position - begin);
    if (word == "sym") {
      symmetric = true;
    } else if (word == "channel") {
      group = 0;
    } else if (word.size() > 1 && word.front() == 'g' && parse_number(word.substr(1))) {
      group = parse_number(word.substr(1));
      if (*group < 8 || *group % 8 != 0) reject(text, "the group size must be a positive multiple of 8");
    } else {
      reject(text, "'" + std::string(word) + "' is not part of an option");
    }
  }
  if (option.weight_bits == 16 && option.activation_bits == 16) {
    if (group || symmetric) reject(text, "w16 keeps the checkpoint's weights and takes no group");
    return option;
  }
  if (option.weight_bits < 2 || option.weight_bits > 8) reject(text, "weights have 2..8 or 16 bits");
  option.method = Option::Method::round_to_nearest;
  if (option.activation_bits == 8) {
    if (group.value_or(0) != 0) reject(text, "8-bit activations need one scale an output, not groups");
    symmetric = true;
    group = 0;
  }
  if (!group) {
    reject(text, "no group, did you mean '" + std::string(text) + "-g32' or '" + std::string(text) + "-channel'?");
  }
  option.grid = {option.weight_bits, *group, symmetric};
  return option;
}

}  // namespace pare::framework
