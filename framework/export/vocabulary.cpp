// SPDX-License-Identifier: Apache-2.0
#include "framework/export/vocabulary.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "framework/model/config_json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

using detail::ConfigObject;
using Type = Vocabulary::Type;

/// How a tokenizer cuts texts before merging, by its regular expression, and llama.cpp's name for it.
struct KnownCut {
  std::string_view expression;
  std::string_view name;
};
constexpr std::array known_cuts{
    KnownCut{
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        "llama-bpe"},
    KnownCut{
        R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
        "qwen2"},
    KnownCut{"", "gpt-2"}};  // ByteLevel's own

/// The steps of a part that may be one step or a Sequence of them.
std::vector<Json> steps_of(const Json& document, const char* part, const char* list) {
  if (!document.contains(part) || !document[part].is_object()) return {};
  const Json& object = document[part];
  if (object.value("type", "") != "Sequence" || !object.contains(list) || !object[list].is_array()) return {object};
  return {object[list].begin(), object[list].end()};
}

std::string type_of(const Json& step) {
  return step.is_object() && step.contains("type") && step["type"].is_string() ? step["type"].get<std::string>() : "";
}

/// The expressions of all cuts; nothing: there are steps of other kinds.
std::optional<std::string> cut_of(const Json& document) {
  std::string expression;
  bool own = false;
  for (const Json& step : steps_of(document, "pre_tokenizer", "pretokenizers")) {
    const std::string type = type_of(step);
    if (type == "ByteLevel") {
      own = step.value("use_regex", true);
    } else if (type == "Split" && step.contains("pattern") && step["pattern"].is_object() &&
               step["pattern"].contains("Regex") && step["pattern"]["Regex"].is_string()) {
      expression += step["pattern"]["Regex"].get<std::string>();
    } else {
      return std::nullopt;
    }
  }
  if (own != expression.empty()) return std::nullopt;
  return expression;
}

bool is_byte_token(const std::string& text) {
  return text.size() == 6 && text.starts_with("<0x") && text.ends_with(">");
}

/// "left right" of ["left", "right"] or of the same text; a space within a token is written as byte-level BPE does.
std::string merge_of(const Json& entry, const std::string& source) {
  if (entry.is_string()) return entry.get<std::string>();
  VALIDATE(entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string(), source,
           ": model.merges: should hold pairs of texts, has ", printable(entry.dump()));
  std::string merge;
  for (const Json& side : entry) {
    if (!merge.empty()) merge += ' ';
    for (const char c : side.get<std::string>()) merge += c == ' ' ? std::string("\u0120") : std::string(1, c);
  }
  return merge;
}

std::int64_t read_token(const Json& value, const std::string& source, const std::string& text) {
  VALIDATE(value.is_number_integer() && value >= 0 && value < (1 << 24), source, ": token '", printable(text), "': '",
           printable(value.dump()), "' is no token number");
  return value.get<std::int64_t>();
}

/// SentencePiece merges the pair whose result has the highest score; a list of merges says the same by its order.
void set_scores(Vocabulary& vocabulary) {
  std::map<std::string, std::size_t> rank;
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    std::string text = vocabulary.merges[i];
    text.erase(text.find(' '), 1);
    rank.emplace(std::move(text), i);
  }
  for (std::size_t t = 0; t < vocabulary.tokens.size(); ++t) {
    const auto found = rank.find(vocabulary.tokens[t]);
    vocabulary.scores[t] = -static_cast<float>(found == rank.end() ? rank.size() : found->second);
  }
  vocabulary.merges.clear();
}

bool puts_space_in_front(const Json& document) {
  for (const Json& step : steps_of(document, "normalizer", "normalizers"))
    if (type_of(step) == "Prepend") return true;
  for (const Json& step : steps_of(document, "pre_tokenizer", "pretokenizers"))
    if (type_of(step) == "Metaspace") return step.value("prepend_scheme", "always") != "never";
  return false;
}

void read_merges(const Json& model, const std::string& source, Vocabulary& vocabulary) {
  VALIDATE(model.contains("merges") && model["merges"].is_array(), source, ": model.merges should be a list");
  for (const Json& entry : model["merges"]) {
    vocabulary.merges.push_back(merge_of(entry, source));
    VALIDATE(vocabulary.merges.back().find(' ') != std::string::npos, source, ": model.merges: '",
             printable(vocabulary.merges.back()), "' is no pair");
  }
}

void read_tokens(const Json& document, const std::string& source, std::int64_t size, Vocabulary& vocabulary) {
  const Json& model = document["model"];
  VALIDATE(model.contains("vocab") && model["vocab"].is_object(), source, ": model.vocab should be an object");
  std::int64_t beyond = 0;
  const auto set = [&](std::int64_t token, const std::string& text, Type type) {
    if (token < size) return vocabulary.set(token, text, type, 0);
    ++beyond;
  };
  const bool falls_back = vocabulary.model == "llama";
  const std::string unknown =
      model.contains("unk_token") && model["unk_token"].is_string() ? model["unk_token"].get<std::string>() : "";
  for (const auto& [text, token] : model["vocab"].items()) {
    const Type type = falls_back && is_byte_token(text)                   ? Type::byte
                      : falls_back && !unknown.empty() && text == unknown ? Type::unknown
                                                                          : Type::normal;
    set(read_token(token, source, text), text, type);
  }
  if (document.contains("added_tokens") && document["added_tokens"].is_array()) {
    for (const Json& added : document["added_tokens"]) {
      const ConfigObject object(added, source, "added_tokens.");
      const std::string text = object.need("content", object.text("content"));
      const bool special = object.flag("special").value_or(false);
      const std::int64_t token = object.need("id", object.whole("id", 0, 1 << 24));
      if (falls_back && text == unknown) continue;
      set(token, text, special ? Type::control : Type::user_defined);
    }
  }
  if (beyond > 0)
    vocabulary.warnings.push_back(
        fmt::format("warning: {} tokens of {} are left out, the model has only {}", beyond, source, size));
}

}  // namespace

void Vocabulary::set(std::int64_t token, std::string text, Type type, float score) {
  const auto index = static_cast<std::size_t>(token);
  for (std::size_t t = tokens.size(); t <= index; ++t) {
    tokens.push_back(fmt::format("[PAD{}]", t));
    types.push_back(Type::unused);
    scores.push_back(0);
  }
  tokens[index] = std::move(text);
  types[index] = type;
  scores[index] = score;
}

std::optional<std::int64_t> Vocabulary::find(const std::string& text) const {
  const auto found = std::find(tokens.begin(), tokens.end(), text);
  if (found == tokens.end()) return std::nullopt;
  return found - tokens.begin();
}

std::optional<Vocabulary> read_tokenizer_json(const Json& document, const std::string& source, std::int64_t size,
                                              std::string& why) {
  VALIDATE(document.is_object() && document.contains("model") && document["model"].is_object(), source,
           ": no object \"model\"");
  const Json& model = document["model"];
  const std::string type = type_of(model);
  if (type != "BPE") {
    why = fmt::format("{}: model.type '{}' has no form in GGUF here (supported: BPE)", source, printable(type));
    return std::nullopt;
  }
  Vocabulary vocabulary;
  const bool falls_back = model.contains("byte_fallback") && model["byte_fallback"] == true;
  vocabulary.model = falls_back ? "llama" : "gpt2";
  read_tokens(document, source, size, vocabulary);
  read_merges(model, source, vocabulary);
  if (falls_back) {
    vocabulary.pre = "default";
    vocabulary.adds_space = puts_space_in_front(document);
    set_scores(vocabulary);
    return vocabulary;
  }
  vocabulary.scores.clear();
  const auto cut = cut_of(document);
  const auto* const known = std::find_if(known_cuts.begin(), known_cuts.end(),
                                         [&](const KnownCut& each) { return cut && each.expression == *cut; });
  vocabulary.pre = known == known_cuts.end() ? "default" : std::string(known->name);
  if (known == known_cuts.end())
    vocabulary.warnings.push_back(
        "warning: " + source +
        ": its pre_tokenizer is not known here, tokenizer.ggml.pre is 'default', which may cut "
        "texts otherwise (known: llama-bpe, qwen2, gpt-2)");
  return vocabulary;
}

Vocabulary vocabulary_of(const SentencePieceModel& model, std::int64_t size) {
  Vocabulary vocabulary;
  vocabulary.model = "llama";
  vocabulary.pre = "default";
  vocabulary.adds_space = model.adds_space;
  for (std::int64_t t = 0; t < std::min<std::int64_t>(size, std::ssize(model.pieces)); ++t) {
    const auto& piece = model.pieces[static_cast<std::size_t>(t)];
    vocabulary.set(t, piece.text, piece.type, piece.score);
  }
  if (!model.is_bpe)
    vocabulary.warnings.emplace_back(
        "warning: tokenizer.model is not of SentencePiece's BPE, llama.cpp may cut texts otherwise");
  return vocabulary;
}

}  // namespace pare::framework
