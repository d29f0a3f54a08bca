// SPDX-License-Identifier: Apache-2.0
#include "framework/export/gguf_tokenizer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "framework/io/atomic_file.hpp"
#include "framework/io/gguf_file.hpp"
#include "framework/io/json.hpp"
#include "framework/io/sentencepiece.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/io/test_data.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::GgufFile;
using framework::GgufKeys;
using testing::ElementsAre;
using testing::HasSubstr;

/// A model directory with these files.
class Tokenizer {
 public:
  Tokenizer& with(const std::string& name, const std::string& text) {
    framework::write_file_atomically(directory_ / name, text);
    return *this;
  }

  /// Of a model with so many tokens.
  GgufKeys keys(std::int64_t vocabulary) {
    framework::ModelConfig config;
    config.vocabulary = vocabulary;
    GgufKeys keys;
    warnings = framework::add_tokenizer_keys(directory_.path(), config, keys);
    return keys;
  }

  const std::filesystem::path& path() const { return directory_.path(); }

  std::vector<std::string> warnings;

 private:
  ScratchDirectory directory_;
};

std::string text_of(const GgufKeys& keys, const std::string& key) {
  const auto* const value = keys.find(key);
  return value == nullptr ? "(none)" : value->as_text().value_or("(no text)");
}

std::int64_t token_of(const GgufKeys& keys, const std::string& key) {
  const auto* const value = keys.find("tokenizer.ggml." + key + "_token_id");
  return value == nullptr ? -1 : value->as_whole().value_or(-2);
}

const std::string byte_level =
    R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "\u0120a": 4}, "merges": [["a", "b"]]},
  "pre_tokenizer": {"type": "ByteLevel", "use_regex": true},
  "added_tokens": [{"id": 3, "content": "<|end|>", "special": true}, {"id": 5, "content": "<tool>", "special": false}],
  "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|end|>"}}, {"Sequence": {"id": "A"}}]}})";

TEST(GgufTokenizer, ByteLevelVocabularyHasMergesTypesAndUnusedRows) {
  Tokenizer tokenizer;
  const GgufKeys keys =
      tokenizer.with("tokenizer.json", byte_level)
          .with("tokenizer_config.json", R"({"bos_token": {"content": "<|end|>"}, "eos_token": "<|end|>",
                                                             "chat_template": "{{ messages }}"})")
          .keys(8);

  EXPECT_EQ(text_of(keys, "tokenizer.ggml.model"), "gpt2");
  EXPECT_EQ(text_of(keys, "tokenizer.ggml.pre"), "gpt-2");
  EXPECT_THAT(keys.find("tokenizer.ggml.tokens")->as_texts().value(),
              ElementsAre("a", "b", "ab", "<|end|>", "\u0120a", "<tool>", "[PAD6]", "[PAD7]"));
  EXPECT_THAT(keys.find("tokenizer.ggml.token_type")->as_numbers().value(), ElementsAre(1, 1, 1, 3, 1, 4, 5, 5));
  EXPECT_THAT(keys.find("tokenizer.ggml.merges")->as_texts().value(), ElementsAre("a b"));
  EXPECT_EQ(keys.find("tokenizer.ggml.scores"), nullptr);
  EXPECT_EQ(token_of(keys, "bos"), 3);
  EXPECT_EQ(token_of(keys, "eos"), 3);
  EXPECT_EQ(token_of(keys, "padding"), -1);
  EXPECT_EQ(keys.find("tokenizer.ggml.add_bos_token")->as_flag(), true);
  EXPECT_EQ(text_of(keys, "tokenizer.chat_template"), "{{ messages }}");
  EXPECT_TRUE(tokenizer.warnings.empty());
}

std::string pre_of(const std::string& expression) {
  framework::Json json = framework::Json::parse(byte_level);
  json["pre_tokenizer"] = {{"type", "Sequence"},
                           {"pretokenizers",
                            {{{"type", "Split"}, {"pattern", {{"Regex", expression}}}, {"behavior", "Isolated"}},
                             {{"type", "ByteLevel"}, {"use_regex", false}}}}};
  Tokenizer tokenizer;
  const GgufKeys keys = tokenizer.with("tokenizer.json", json.dump()).keys(6);
  return text_of(keys, "tokenizer.ggml.pre") + (tokenizer.warnings.empty() ? "" : " " + tokenizer.warnings.front());
}

TEST(GgufTokenizer, KnowsCutsByTheirExpressionAndWarnsOfOthers) {
  const std::string words = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)";
  const std::string rest = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(pre_of(words + R"(\p{N}{1,3})" + rest), "llama-bpe");
  EXPECT_EQ(pre_of(words + R"(\p{N})" + rest), "qwen2");
  EXPECT_THAT(pre_of("[a-z]+"), HasSubstr("its pre_tokenizer is not known here, tokenizer.ggml.pre is 'default'"));
}

TEST(GgufTokenizer, ByteFallbackBecomesSentencePieceWithScoresInTheOrderOfMerges) {
  Tokenizer tokenizer;
  const GgufKeys keys =
      tokenizer
          .with("tokenizer.json", R"({"model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
            "vocab": {"<unk>": 0, "<s>": 1, "<0x0A>": 2, "a": 3, "b": 4, "ba": 5, "ab": 6}, "merges": ["a b", "b a"]},
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}]},
            "added_tokens": [{"id": 1, "content": "<s>", "special": true}]})")
          .with("tokenizer_config.json", R"({"bos_token": "<s>", "unk_token": "<unk>", "add_bos_token": true})")
          .keys(7);

  EXPECT_EQ(text_of(keys, "tokenizer.ggml.model"), "llama");
  EXPECT_THAT(keys.find("tokenizer.ggml.token_type")->as_numbers().value(), ElementsAre(2, 3, 6, 1, 1, 1, 1));
  EXPECT_THAT(keys.find("tokenizer.ggml.scores")->as_numbers().value(), ElementsAre(-2, -2, -2, -2, -2, -1, 0));
  EXPECT_EQ(keys.find("tokenizer.ggml.add_space_prefix")->as_flag(), true);
  EXPECT_EQ(token_of(keys, "unknown"), 0);
}

TEST(GgufTokenizer, ModelWithoutTokenizerIsSaid) {
  Tokenizer tokenizer;
  EXPECT_TRUE(tokenizer.keys(4).list().empty());
  EXPECT_THAT(tokenizer.warnings,
              ElementsAre(HasSubstr("llama.cpp will not load it for text: neither tokenizer.model")));

  tokenizer.with("tokenizer.json", R"({"model": {"type": "Unigram"}})");
  EXPECT_TRUE(tokenizer.keys(4).list().empty());
  EXPECT_THAT(tokenizer.warnings, ElementsAre(HasSubstr("model.type 'Unigram' has no form in GGUF here")));
}

TEST(GgufTokenizer, DamagedFilesAreRefusedByName) {
  const auto error_with = [](const std::string& json) {
    Tokenizer tokenizer;
    tokenizer.with("tokenizer.json", json);
    return error_of([&] { tokenizer.keys(4); });
  };
  EXPECT_THAT(error_with("[]"), HasSubstr("no object"));
  EXPECT_THAT(error_with(R"({"model": {"type": "BPE", "vocab": {"a": -1}, "merges": []}})"),
              HasSubstr("tokenizer.json: token 'a': '-1' is no token number"));
  EXPECT_THAT(error_with(R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}})"),
              HasSubstr("model.merges: should hold pairs of texts"));
  EXPECT_THAT(error_with(R"({"model": {"type": "BPE", "vocab": {}, "merges": []}, "pre_tokenizer": {"type": 7}})"),
              HasSubstr("files are damaged"));
}

/// llama.cpp's own conversion of the same vocabulary.
TEST(GgufTokenizer, SentencePieceIsThatOfARealConversion) {
  const auto model = test_data("tokenizers/llama2/tokenizer.model");
  const auto converted = test_data("tokenizers/llamacpp/ggml-vocab-llama-spm.gguf");
  PARE_SKIP_WITHOUT(model);
  PARE_SKIP_WITHOUT(converted);
  Tokenizer tokenizer;
  std::filesystem::copy_file(model, tokenizer.path() / "tokenizer.model");
  const GgufKeys keys = tokenizer.keys(32'000);
  const GgufFile theirs(converted);

  for (const char* key :
       {"tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    EXPECT_EQ(keys.find(key)->bytes(), theirs.keys().find(key)->bytes()) << key;
  }
}

TEST(SentencePiece, EveryTruncationIsReadOrRefused) {
  const auto path = test_data("tokenizers/llama2/tokenizer.model");
  PARE_SKIP_WITHOUT(path);
  const std::vector<std::byte> file = read_bytes(path);
  for (std::size_t size = 0; size < 2000; ++size) {
    const std::string error = error_of([&] { framework::parse_sentencepiece(std::span(file).first(size), "t.model"); });
    EXPECT_TRUE(error == "(no error)" || error.starts_with("t.model: not a SentencePiece model")) << error;
  }
}

}  // namespace
}  // namespace pare::test
