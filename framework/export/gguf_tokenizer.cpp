// SPDX-License-Identifier: Apache-2.0
#include "framework/export/gguf_tokenizer.hpp"

#include <array>
#include <optional>
#include <utility>

#include "framework/config/utf8.hpp"
#include "framework/export/vocabulary.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/model/config_json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;
using detail::ConfigObject;

/// A file beside the weights; an empty object where there is none.
Json read_optional(const fs::path& file) {
  return fs::exists(file) ? parse_json_file(file) : Json::object();
}

/// Files of a checkpoint that say something about its tokens.
struct TokenizerFiles {
  explicit TokenizerFiles(const fs::path& from)
      : directory(from),
        tokenizer(read_optional(directory / "tokenizer.json")),
        settings(read_optional(directory / "tokenizer_config.json")),
        generation(read_optional(directory / "generation_config.json")),
        config(read_optional(directory / "config.json")) {}

  fs::path directory;
  Json tokenizer, settings, generation, config;
};

/// tokenizer.model knows nothing of tokens that were added later: those are in tokenizer_config.json.
void add_later_tokens(const TokenizerFiles& files, std::int64_t size, Vocabulary& vocabulary) {
  if (!files.settings.contains("added_tokens_decoder") || !files.settings["added_tokens_decoder"].is_object()) return;
  const std::string source = (files.directory / "tokenizer_config.json").string();
  for (const auto& [key, value] : files.settings["added_tokens_decoder"].items()) {
    const ConfigObject object(value, source, "added_tokens_decoder." + key + ".");
    const bool is_number = !key.empty() && key.size() < 9 && key.find_first_not_of("0123456789") == std::string::npos;
    VALIDATE(is_number, source, ": added_tokens_decoder: '", printable(key), "' is no token number");
    const std::int64_t token = std::stoll(key);
    if (token < std::ssize(vocabulary.tokens) || token >= size) continue;
    vocabulary.set(token, object.need("content", object.text("content")),
                   object.flag("special").value_or(false) ? Vocabulary::Type::control : Vocabulary::Type::user_defined,
                   0);
  }
}

/// A text, or an object with one.
std::optional<std::string> content_of(const Json& settings, const std::string& key) {
  if (!settings.contains(key)) return std::nullopt;
  const Json& value =
      settings[key].is_object() && settings[key].contains("content") ? settings[key]["content"] : settings[key];
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

/// A number, or the first of a list.
std::optional<std::int64_t> token_of(const Json& config, const std::string& key) {
  if (!config.contains(key)) return std::nullopt;
  const Json& value = config[key].is_array() && !config[key].empty() ? config[key].front() : config[key];
  if (!value.is_number_integer() || value < 0 || value >= (1 << 24)) return std::nullopt;
  return value.get<std::int64_t>();
}

std::optional<std::int64_t> special_token(const TokenizerFiles& files, const Vocabulary& vocabulary,
                                          const std::string& name) {
  std::optional<std::int64_t> token;
  if (const auto text = content_of(files.settings, name + "_token")) token = vocabulary.find(*text);
  if (!token) token = token_of(files.config, name + "_token_id");
  if (!token) token = token_of(files.generation, name + "_token_id");
  if (token && *token >= std::ssize(vocabulary.tokens)) return std::nullopt;
  return token;
}

/// Whether texts begin with the token: as the tokenizer's settings say, else as its template does.
std::optional<bool> begins_with(const TokenizerFiles& files, const std::string& text) {
  if (files.settings.contains("add_bos_token") && files.settings["add_bos_token"].is_boolean())
    return files.settings["add_bos_token"].get<bool>();
  if (!files.tokenizer.contains("post_processor") || !files.tokenizer["post_processor"].is_object())
    return std::nullopt;
  const Json& processor = files.tokenizer["post_processor"];
  const Json steps = processor.contains("processors") ? processor["processors"] : Json::array({processor});
  for (const Json& step : steps) {
    if (!step.is_object() || !step.contains("single") || !step["single"].is_array() || step["single"].empty()) continue;
    const Json& first = step["single"].front();
    if (first.is_object() && first.contains("SpecialToken") && first["SpecialToken"].is_object())
      return first["SpecialToken"].value("id", Json()) == text;
    return false;
  }
  return std::nullopt;
}

std::optional<std::string> chat_template(const TokenizerFiles& files) {
  if (fs::exists(files.directory / "chat_template.jinja")) {
    const MappedFile file(files.directory / "chat_template.jinja");
    return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  }
  if (!files.settings.contains("chat_template")) return std::nullopt;
  const Json& value = files.settings["chat_template"];
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return std::nullopt;
  for (const Json& named : value)
    if (named.is_object() && named.value("name", Json()) == "default") return content_of(named, "template");
  return std::nullopt;
}

void add_special_tokens(const TokenizerFiles& files, const Vocabulary& vocabulary, GgufKeys& keys) {
  constexpr std::array names{std::pair{"bos", "bos"}, std::pair{"eos", "eos"}, std::pair{"unk", "unknown"},
                             std::pair{"pad", "padding"}};
  for (const auto& [name, key] : names)
    if (const auto token = special_token(files, vocabulary, name))
      keys.set(std::string("tokenizer.ggml.") + key + "_token_id", GgufValue::u32(static_cast<std::uint32_t>(*token)));
  if (const auto bos = special_token(files, vocabulary, "bos"))
    if (const auto begins = begins_with(files, vocabulary.tokens[static_cast<std::size_t>(*bos)]))
      keys.set("tokenizer.ggml.add_bos_token", GgufValue::boolean(*begins));
  if (files.settings.contains("add_eos_token") && files.settings["add_eos_token"].is_boolean())
    keys.set("tokenizer.ggml.add_eos_token", GgufValue::boolean(files.settings["add_eos_token"].get<bool>()));
  if (const auto text = chat_template(files)) keys.set("tokenizer.chat_template", GgufValue::text(*text));
}

void add_vocabulary(const Vocabulary& vocabulary, GgufKeys& keys) {
  keys.set("tokenizer.ggml.model", GgufValue::text(vocabulary.model));
  keys.set("tokenizer.ggml.pre", GgufValue::text(vocabulary.pre));
  keys.set("tokenizer.ggml.tokens", GgufValue::texts(vocabulary.tokens));
  std::vector<std::int32_t> types;
  for (const Vocabulary::Type type : vocabulary.types) types.push_back(static_cast<std::int32_t>(type));
  keys.set("tokenizer.ggml.token_type", GgufValue::i32s(types));
  if (!vocabulary.scores.empty()) keys.set("tokenizer.ggml.scores", GgufValue::f32s(vocabulary.scores));
  if (!vocabulary.merges.empty()) keys.set("tokenizer.ggml.merges", GgufValue::texts(vocabulary.merges));
  if (vocabulary.adds_space) keys.set("tokenizer.ggml.add_space_prefix", GgufValue::boolean(*vocabulary.adds_space));
}

std::vector<std::string> add_keys(const TokenizerFiles& files, const ModelConfig& config, GgufKeys& keys) {
  const fs::path& directory = files.directory;
  std::optional<Vocabulary> vocabulary;
  std::string why = "neither tokenizer.model nor tokenizer.json is in " + directory.string();
  if (const fs::path file = directory / "tokenizer.model"; fs::exists(file)) {
    const MappedFile mapped(file);
    vocabulary = vocabulary_of(parse_sentencepiece(mapped.bytes(), file.string()), config.vocabulary);
    add_later_tokens(files, config.vocabulary, *vocabulary);
  } else if (fs::exists(directory / "tokenizer.json")) {
    vocabulary = read_tokenizer_json(files.tokenizer, (directory / "tokenizer.json").string(), config.vocabulary, why);
  }
  if (!vocabulary) return {"warning: no tokenizer in the file, so that llama.cpp will not load it for text: " + why};
  const bool has_scores = !vocabulary->scores.empty();
  while (std::ssize(vocabulary->tokens) < config.vocabulary) {  // llama.cpp wants as many as the embedding has rows
    const auto token = std::ssize(vocabulary->tokens);
    vocabulary->tokens.push_back("[PAD" + std::to_string(token) + "]");
    vocabulary->types.push_back(Vocabulary::Type::unused);
    if (has_scores) vocabulary->scores.push_back(0);
  }
  add_vocabulary(*vocabulary, keys);
  add_special_tokens(files, *vocabulary, keys);
  return std::move(vocabulary->warnings);
}

}  // namespace

std::vector<std::string> add_tokenizer_keys(const fs::path& directory, const ModelConfig& config, GgufKeys& keys) {
  try {
    return add_keys(TokenizerFiles(directory), config, keys);
  } catch (const Json::exception& error) {  // a value of another type than transformers writes
    throw InputError(directory.string() + ": the tokenizer's files are damaged (" + printable(error.what()) + ")");
  }
}

}  // namespace pare::framework
