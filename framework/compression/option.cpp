// SPDX-License-Identifier: Apache-2.0
#include "framework/compression/option.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using Rounding = Option::Rounding;
using Saliency = Option::Saliency;
using SparsityMethod = Sparsity::Method;

template <class Value, std::size_t count>
using Words = std::array<std::pair<std::string_view, Value>, count>;

constexpr Words<SparsityMethod, 5> sparsity_words{{{"random", SparsityMethod::random},
                                                   {"magnitude", SparsityMethod::magnitude},
                                                   {"projection", SparsityMethod::projection},
                                                   {"wanda", SparsityMethod::wanda},
                                                   {"sparsegpt", SparsityMethod::sparsegpt}}};
constexpr Words<Rounding, 2> rounding_words{{{"gptq", Rounding::gptq}, {"awq", Rounding::awq}}};
constexpr Words<Saliency, 2> saliency_words{{{"magnitude", Saliency::magnitude}, {"wanda", Saliency::wanda}}};

template <class Value, std::size_t count>
std::optional<Value> value_of(const Words<Value, count>& words, std::string_view word) {
  for (const auto& [text, value] : words)
    if (text == word) return value;
  return std::nullopt;
}

template <class Value, std::size_t count>
std::string_view text_of(const Words<Value, count>& words, Value value) {
  for (const auto& [text, known] : words)
    if (known == value) return text;
  return {};
}

std::string quoted(std::string_view text) {
  return "'" + printable(text) + "'";
}

[[noreturn]] void reject(std::string_view text, const std::string& problem) {
  throw InputError("option " + quoted(text) + ": " + problem +
                   " (options look like w16, w4-g32, w3-g64-gptq, w4-channel-sym, w8a8-smooth, q4_k-imatrix, "
                   "2:4-sparsegpt+w4-g32, 50%-wanda, keep-75%+w4-g32, drop; see configs/README.md)");
}

std::optional<int> parse_number(std::string_view digits) {
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || digits.size() > 6 || error != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> words;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find(separator, begin);
    words.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return words;
    begin = end + 1;
  }
}

/// The words of one part behind its first.
using Rest = std::span<const std::string_view>;

[[noreturn]] void reject_word(std::string_view text, std::string_view word, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), word) != known.end())
    reject(text, quoted(word) + " repeats or contradicts what stands before it");
  reject(text, quoted(word) + " is not part of an option" + did_you_mean(std::string(word), known));
}

int parse_percent(std::string_view text, std::string_view word) {
  const auto percent = word.ends_with('%') ? parse_number(word.substr(0, word.size() - 1)) : std::nullopt;
  if (!percent || *percent < 1 || *percent > 99) reject(text, "a percentage lies between 1% and 99%");
  return *percent;
}

void parse_structure(std::string_view text, Rest words, Option& option) {
  if (words.empty()) reject(text, "keep needs a percentage");
  option.keep_percent = parse_percent(text, words.front());
  if (words.size() == 1) return;
  const auto saliency = value_of(saliency_words, words[1]);
  if (!saliency || words.size() > 2) reject_word(text, words.back(), {"magnitude", "wanda"});
  option.saliency = *saliency;
}

void parse_sparsity(std::string_view text, std::string_view pattern, Rest words, Option& option) {
  Sparsity sparsity;
  if (const std::size_t colon = pattern.find(':'); colon != std::string_view::npos) {
    const auto kept = parse_number(pattern.substr(0, colon)), of = parse_number(pattern.substr(colon + 1));
    if (!kept || !of || *kept < 1 || *of <= *kept || *of > 64)
      reject(text, "n:m keeps n of m neighbouring inputs, 1 <= n < m <= 64");
    sparsity.kept = *kept;
    sparsity.of = *of;
  } else {
    sparsity.percent = parse_percent(text, pattern);
  }
  const std::vector<std::string> methods{"random", "magnitude", "projection", "wanda", "sparsegpt"};
  if (words.empty()) reject(text, "no method behind the sparsity (random, magnitude, projection, wanda, sparsegpt)");
  const auto method = value_of(sparsity_words, words.front());
  if (!method) reject_word(text, words.front(), methods);
  sparsity.method = *method;
  sparsity.dense = words.size() == 2 && words[1] == "dense";
  if (words.size() > 1 && !sparsity.dense) reject_word(text, words.back(), {"dense"});
  option.sparsity = sparsity;
}

void parse_blocks(std::string_view text, kernels::BlockFormat block, Rest words, Option& option) {
  option.weights = Option::Weights::blocks;
  option.block = block;
  option.importance = words.size() == 1 && words.front() == "imatrix";
  if (!words.empty() && !option.importance) reject_word(text, words.back(), {"imatrix"});
}

/// What stands behind '-static'; a range method may have a '-' of its own.
RangeMethod parse_static_range(std::string_view text, Rest words) {
  if (words.empty()) return RangeMethod::min_max;
  if (words.back() == "smooth") reject(text, "'smooth' stands before 'static'");
  std::string range(words.front());
  for (const std::string_view word : words.subspan(1)) range += "-" + std::string(word);
  try {
    return parse_range_method(range);
  } catch (const InputError& error) {
    reject(text, error.what());
  }
}

/// w<bits> or w<bits>a<bits>.
int parse_bits(std::string_view text, std::string_view word, Option& option) {
  if (word == "drop") reject(text, "a sub-layer that is dropped has nothing to compress: 'drop' stands alone");
  if (word.empty() || word.front() != 'w') {
    std::vector<std::string> known{"keep", "drop"};
    for (const auto format : kernels::all_block_formats) known.emplace_back(kernels::block_format_name(format));
    std::string lower(word);  // GGUF's own names are in capitals
    for (char& letter : lower) letter = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    reject(text, quoted(word) + " is neither w<bits> nor a block format nor keep" + did_you_mean(lower, known));
  }
  word.remove_prefix(1);
  const std::size_t a = word.find('a');
  const auto bits = parse_number(word.substr(0, a));
  if (!bits) reject(text, "no number of bits after 'w'");
  if (a != std::string_view::npos) {
    const auto activation_bits = parse_number(word.substr(a + 1));
    if (!activation_bits || (*activation_bits != 8 && *activation_bits != 16))
      reject(text, "activations have 8 or 16 bits");
    option.activation_bits = *activation_bits;
  }
  if (*bits != 16 && (*bits < 2 || *bits > 8)) reject(text, "weights have 2..8 or 16 bits");
  if (*bits == 16 && option.activation_bits == 8) reject(text, "8-bit activations need weights of 2..8 bits");
  return *bits;
}

void parse_grid(std::string_view text, std::string_view first, Rest words, Option& option) {
  const int bits = parse_bits(text, first, option);
  if (bits == 16) {
    if (!words.empty()) reject(text, "w16 keeps the checkpoint's weights and takes no group");
    return;
  }
  option.weights = Option::Weights::grid;
  std::optional<int> group;
  bool symmetric = false, tensor = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    const bool is_group = word.size() > 1 && word.front() == 'g' && parse_number(word.substr(1));
    if (group && (is_group || word == "channel" || word == "tensor")) reject(text, "a grid has one group, not two");
    if (word == "sym" && !symmetric) {
      symmetric = true;
    } else if (word == "channel" || word == "tensor") {
      group = 0;
      tensor = word == "tensor";
    } else if (is_group) {
      group = parse_number(word.substr(1));
      if (*group < 8 || *group % 8 != 0) reject(text, "the group size must be a positive multiple of 8");
    } else if (word == "mse" && !option.clip) {
      option.clip = true;
    } else if (word == "act" && option.rounding == Rounding::gptq) {
      option.rounding = Rounding::gptq_ordered;
    } else if ((word == "smooth" || word == "static") && option.activation_bits != 8) {
      reject(text, quoted(word) + " is for 8-bit activations, as in 'w8a8-" + std::string(word) + "'");
    } else if (word == "smooth" && !option.smooth) {
      option.smooth = true;
    } else if (word == "static") {
      option.static_range = parse_static_range(text, words.subspan(i + 1));
      break;
    } else if (word == "act" && option.rounding != Rounding::gptq_ordered) {
      reject(text, "'act' is the order of gptq and stands behind it: '-gptq-act'");
    } else if (const auto rounding = value_of(rounding_words, word); rounding && option.rounding == Rounding::nearest) {
      option.rounding = *rounding;
    } else if (rounding) {
      reject(text, quoted(word) + " is a second way of rounding, choose one of mse, gptq, awq");
    } else {
      reject_word(text, word, {"sym", "channel", "tensor", "mse", "gptq", "awq", "act", "smooth", "static"});
    }
  }
  if (option.clip && option.rounding == Rounding::awq) reject(text, "awq searches clips of its own, leave out '-mse'");
  if (option.smooth && option.static_range.value_or(RangeMethod::min_max) != RangeMethod::min_max)
    reject(text, "smoothed inputs have a min-max range only: write '-smooth-static'");
  if (option.activation_bits == 8) {
    if (group.value_or(0) != 0) reject(text, "8-bit activations need one scale an output or a tensor, not groups");
    if (option.rounding == Rounding::awq) reject(text, "awq is for 16-bit activations, smooth for 8-bit ones");
    symmetric = true;
    group = 0;
  }
  if (!group && bits == 8) group = 0;  // w8 alone is w8-channel
  if (!group) {
    const std::string stem = "w" + std::to_string(bits);
    reject(text, "no group, did you mean '" + stem + "-g32' or '" + stem + "-channel'?");
  }
  option.grid = {bits, *group, symmetric, tensor};
}

std::string sparsity_name(const Sparsity& sparsity) {
  const std::string pattern = sparsity.of > 0 ? std::to_string(sparsity.kept) + ":" + std::to_string(sparsity.of)
                                              : std::to_string(sparsity.percent) + "%";
  return pattern + "-" + std::string(text_of(sparsity_words, sparsity.method)) + (sparsity.dense ? "-dense" : "");
}

std::string grid_name(const Option& option) {
  std::string text = "w" + std::to_string(option.grid.bits);
  if (option.activation_bits == 8) {
    text += option.grid.tensor ? "a8-tensor" : "a8";
  } else {
    const std::string whole = option.grid.tensor ? "-tensor" : "-channel";
    text += option.grid.group_size == 0 ? whole : "-g" + std::to_string(option.grid.group_size);
    if (option.grid.symmetric) text += "-sym";
  }
  if (option.rounding == Rounding::gptq_ordered) {
    text += "-gptq-act";
  } else if (option.rounding != Rounding::nearest) {
    text += "-" + std::string(text_of(rounding_words, option.rounding));
  }
  if (option.clip) text += "-mse";
  if (option.smooth) text += "-smooth";
  if (option.static_range) {
    text += "-static";
    if (*option.static_range != RangeMethod::min_max) text += "-" + std::string(to_text(*option.static_range));
  }
  return text;
}

}  // namespace

bool Option::keeps_checkpoint() const {
  return !is_structured() && !sparsity && weights == Weights::original;
}

bool Option::needs_calibration() const {
  const bool by_pruning =
      keep_percent < 100 ||  // what remains is re-fitted
      (sparsity && sparsity->method != Sparsity::Method::random && sparsity->method != Sparsity::Method::magnitude);
  const bool by_rounding =
      weights == Weights::grid &&
      (rounding == Rounding::gptq || rounding == Rounding::gptq_ordered || rounding == Rounding::awq);
  return by_pruning || by_rounding || importance || smooth || static_range.has_value();
}

std::string Option::structure() const {
  if (drop) return "drop";
  if (keep_percent == 100) return "";
  const std::string text = "keep-" + std::to_string(keep_percent) + "%";
  return saliency == Saliency::hessian ? text : text + "-" + std::string(text_of(saliency_words, saliency));
}

std::string Option::name() const {
  if (drop) return "drop";
  std::string text;
  const auto join = [&](const std::string& part) { text += (text.empty() ? "" : "+") + part; };
  if (keep_percent < 100) join(structure());
  if (sparsity) join(sparsity_name(*sparsity));
  if (weights == Weights::grid) join(grid_name(*this));
  if (weights == Weights::blocks) {
    join(std::string(kernels::block_format_name(block)) + (importance ? "-imatrix" : ""));
  }
  return text.empty() ? "w16" : text;
}

Option parse_option(std::string_view text) {
  Option option;
  if (text == "drop") {
    option.drop = true;
    return option;
  }
  int last = -1;  // parts come in the order structure, sparsity, weights
  for (const std::string_view part : split(text, '+')) {
    const std::vector<std::string_view> words = split(part, '-');
    const std::string_view first = words.front();
    const Rest rest = Rest(words).subspan(1);
    const int kind = first == "keep" ? 0 : first.ends_with('%') || first.find(':') != std::string_view::npos ? 1 : 2;
    if (kind <= last) reject(text, "parts come once each, in the order keep, sparsity, weights");
    last = kind;
    const auto block = kernels::block_format_named(first);
    if (kind == 0) {
      parse_structure(text, rest, option);
    } else if (kind == 1) {
      parse_sparsity(text, first, rest, option);
    } else if (block) {
      parse_blocks(text, *block, rest, option);
    } else {
      parse_grid(text, first, rest, option);
    }
  }
  if (option.sparsity && option.weights == Option::Weights::blocks && !option.sparsity->dense)
    reject(text, "block formats store every weight: write '" + sparsity_name(*option.sparsity) + "-dense+...'");
  if (option.sparsity && !option.sparsity->dense && option.grid.tensor)
    reject(text, "sparse storage has scales for every row: write '-channel', or '" + sparsity_name(*option.sparsity) +
                     "-dense+...'");
  if (option.sparsity && option.scales_inputs()) reject(text, "scaled inputs and sparsity do not go together");
  if (option.sparsity && (option.rounding != Rounding::nearest || option.clip))
    reject(text, "with sparsity weights are rounded to nearest, by sparsegpt in its own sweep");
  if (option.keep_percent < 100 && option.scales_inputs())
    reject(text, "scaled inputs and whole heads or channels taken away do not go together");
  if (option.sparsity && option.activation_bits == 8 && !option.sparsity->dense)
    reject(text, "the integer GEMM is dense: write '" + sparsity_name(*option.sparsity) + "-dense+...'");
  return option;
}

}  // namespace pare::framework
