// SPDX-License-Identifier: Apache-2.0
#include "framework/io/gguf.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "framework/io/gguf_file.hpp"
#include "framework/io/gguf_writer.hpp"
#include "framework/io/inspect.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/io/test_data.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::GgmlType;
using framework::GgufFile;
using framework::GgufHeader;
using framework::GgufKeys;
using framework::GgufValue;
using framework::parse_gguf;
using testing::ElementsAre;
using testing::HasSubstr;

using Bytes = std::vector<std::byte>;

/// Two tensors, and a key of every kind that pare writes.
std::filesystem::path write_small(const ScratchDirectory& directory) {
  GgufKeys keys;
  keys.set("general.architecture", GgufValue::text("llama"));
  keys.set("llama.block_count", GgufValue::u32(2));
  keys.set("llama.rope.freq_base", GgufValue::f32(10000));
  keys.set("tokenizer.ggml.add_bos_token", GgufValue::boolean(true));
  keys.set("tokenizer.ggml.tokens", GgufValue::texts({"a", "", "\xff"}));
  keys.set("tokenizer.ggml.token_type", GgufValue::i32s({1, 3, 6}));
  keys.set("tokenizer.ggml.scores", GgufValue::f32s({0, -1, -2}));
  const auto path = directory / "small.gguf";
  framework::GgufWriter writer(
      path, keys, {{"blk.0.ffn_up.weight", GgmlType::q8_0, {3, 64}}, {"output_norm.weight", GgmlType::f32, {5}}});
  writer.write(Bytes(3 * 68, std::byte{7}));
  const std::vector<float> norm{1, 2, 3, 4, 5};
  writer.write(std::as_bytes(std::span(norm)));
  writer.finish();
  return path;
}

Bytes small_bytes() {
  const ScratchDirectory directory;
  return read_bytes(write_small(directory));
}

std::string error_of_file(const Bytes& file) {
  return error_of([&] { parse_gguf(file, "f.gguf"); });
}

TEST(Gguf, ReadsWhatItWrote) {
  const ScratchDirectory directory;
  const GgufFile file(write_small(directory));

  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.whole("llama.block_count", 0, 10), 2);
  EXPECT_EQ(file.number("llama.rope.freq_base"), 10000);
  EXPECT_EQ(file.keys().find("tokenizer.ggml.add_bos_token")->as_flag(), true);
  EXPECT_THAT(file.keys().find("tokenizer.ggml.tokens")->as_texts().value(), ElementsAre("a", "", "\xff"));
  EXPECT_THAT(file.keys().find("tokenizer.ggml.scores")->as_numbers().value(), ElementsAre(0, -1, -2));
  EXPECT_EQ(file.at("blk.0.ffn_up.weight").shape, (std::vector<std::int64_t>{3, 64}));
  EXPECT_EQ(file.at("blk.0.ffn_up.weight").bytes, 3 * 68);
  EXPECT_EQ(file.bytes(file.at("blk.0.ffn_up.weight"))[0], std::byte{7});
  EXPECT_EQ(file.at("output_norm.weight").offset % 32, 0);
  float last = 0;
  std::memcpy(&last, file.bytes(file.at("output_norm.weight")).data() + 16, 4);
  EXPECT_EQ(last, 5);
}

TEST(Gguf, KeysOfAReadFileAreWrittenByteForByte) {
  const Bytes first = small_bytes();
  const GgufHeader header = parse_gguf(first, "first");
  const ScratchDirectory directory;
  framework::GgufWriter writer(
      directory / "again.gguf", header.keys,
      {{"blk.0.ffn_up.weight", GgmlType::q8_0, {3, 64}}, {"output_norm.weight", GgmlType::f32, {5}}});
  for (const auto& tensor : header.tensors)
    writer.write(
        std::span(first).subspan(static_cast<std::size_t>(tensor.offset), static_cast<std::size_t>(tensor.bytes)));
  writer.finish();

  EXPECT_EQ(read_bytes(directory / "again.gguf"), first);
}

TEST(Gguf, ReadsRealVocabularies) {
  struct Known {
    const char* name;
    const char* model;
    std::size_t tokens;
  };
  for (const Known& known :
       {Known{"bert-bge", "bert", 30522}, Known{"gpt-2", "gpt2", 50257}, Known{"llama-spm", "llama", 32000}}) {
    const auto path = test_data(std::string("tokenizers/llamacpp/ggml-vocab-") + known.name + ".gguf");
    PARE_SKIP_WITHOUT(path);
    const GgufFile file(path);
    EXPECT_EQ(file.text("tokenizer.ggml.model"), known.model);
    EXPECT_EQ(file.keys().find("tokenizer.ggml.tokens")->count(), known.tokens);
    EXPECT_THAT(framework::describe_gguf(path), HasSubstr("0 tensors"));
  }
}

/// The bytes of a value as they stand in a file.
template <class T>
void put(Bytes& file, std::size_t at, T value) {
  std::memcpy(file.data() + at, &value, sizeof(T));
}

/// Where a text begins in a file.
std::size_t find_text(const Bytes& file, const std::string& text) {
  const std::string_view all(reinterpret_cast<const char*>(file.data()), file.size());
  return all.find(text);
}

TEST(Gguf, RefusesOtherFilesAndVersions) {
  EXPECT_EQ(error_of_file({}), "f.gguf: not a GGUF file");
  Bytes file = small_bytes();
  put(file, 4, std::uint32_t{1});
  EXPECT_EQ(error_of_file(file), "f.gguf: GGUF version 1 is not supported (supported: 2, 3)");
  put(file, 4, std::uint32_t{0x03000000});
  EXPECT_THAT(error_of_file(file), HasSubstr("big-endian"));
}

TEST(Gguf, RefusesCountsThatTheFileHasNoRoomFor) {
  Bytes file = small_bytes();
  put(file, 8, std::uint64_t{1} << 60);
  EXPECT_THAT(error_of_file(file), HasSubstr("byte 8: 1152921504606846976 tensors in a file of"));
  file = small_bytes();
  put(file, find_text(file, "tokenizer.ggml.scores") + 21 + 8, std::uint64_t{1} << 62);
  EXPECT_THAT(error_of_file(file), HasSubstr("elements of an array in a file of"));
}

TEST(Gguf, NamesTheTensorThatIsWrong) {
  const Bytes good = small_bytes();
  const std::size_t tensor = find_text(good, "blk.0.ffn_up.weight") + 19;  // u32 sizes, u64 [2], u32 type, u64 offset
  const auto error_with = [&](std::size_t at, auto value) {
    Bytes file = good;
    put(file, tensor + at, value);
    return error_of_file(file);
  };
  EXPECT_THAT(error_with(0, std::uint32_t{5}), HasSubstr("tensor 'blk.0.ffn_up.weight': 5 sizes"));
  EXPECT_THAT(error_with(4, std::uint64_t{65}), HasSubstr("shape [3, 65] is no whole number of blocks of Q8_0 (32)"));
  EXPECT_THAT(error_with(12, std::uint64_t{1} << 61), HasSubstr("too large to exist"));
  EXPECT_THAT(error_with(12, std::uint64_t{300}), HasSubstr("ends beyond the end of the file"));
  EXPECT_THAT(error_with(20, std::uint32_t{77}), HasSubstr("unknown type 77"));
  EXPECT_THAT(error_with(24, std::uint64_t{8}), HasSubstr("multiple of the alignment 32"));
  Bytes file = good;
  put(file, find_text(file, "output_norm.weight") + 18 + 16, std::uint64_t{32});
  EXPECT_THAT(error_of_file(file), HasSubstr("'output_norm.weight': begins inside tensor 'blk.0.ffn_up.weight'"));
}

TEST(Gguf, RefusesWhatIsThereTwice) {
  Bytes file = small_bytes();
  const std::string other = "llama.block_coun2";
  std::memcpy(file.data() + find_text(file, "llama.block_count"), other.data(), other.size());
  EXPECT_NO_THROW(parse_gguf(file, "f.gguf"));
  GgufKeys keys;
  keys.append("a", GgufValue::u32(1));
  keys.append("a", GgufValue::u32(1));
  const ScratchDirectory directory;
  framework::GgufWriter(directory / "twice.gguf", keys, {}).finish();
  EXPECT_THAT(error_of_file(read_bytes(directory / "twice.gguf")), HasSubstr("key 'a': is there twice"));
}

TEST(Gguf, SaysWhichKeyIsMissingOrOfAnotherKind) {
  const ScratchDirectory directory;
  const GgufFile file(write_small(directory));

  EXPECT_THAT(error_of([&] { file.text("general.name"); }), HasSubstr("small.gguf: key 'general.name' is missing"));
  EXPECT_THAT(error_of([&] { file.whole("general.architecture", 0, 9); }),
              HasSubstr("key 'general.architecture' is 'llama', should be a whole number from 0 to 9"));
  EXPECT_THAT(error_of([&] { file.at("blk.0.ffn_up.wait"); }), HasSubstr("did you mean 'blk.0.ffn_up.weight'"));
}

TEST(Gguf, EveryTruncationAndMutationIsReadOrRefused) {
  const Bytes good = small_bytes();
  const auto check = [](const Bytes& file) {
    try {
      for (const auto& tensor : parse_gguf(file, "mutated").tensors) {
        ASSERT_GE(tensor.offset, 0);
        ASSERT_LE(tensor.offset + tensor.bytes, static_cast<std::int64_t>(file.size()));
      }
    } catch (const InputError& error) {
      ASSERT_TRUE(std::string(error.what()).starts_with("mutated: ")) << error.what();
      ASSERT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    }
  };
  for (std::size_t size = 0; size < good.size(); ++size)
    check({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    Bytes file = good;
    for (std::uint32_t edits = 1 + random() % 3; edits > 0; --edits)
      file[random() % 600] = static_cast<std::byte>(random());
    check(file);
  }
}

TEST(Inspect, ListsKeysAndTensorsOfAGgufFile) {
  const ScratchDirectory directory;
  const std::string text = framework::describe_gguf(write_small(directory));

  EXPECT_THAT(text, HasSubstr("small.gguf: GGUF, 7 keys, 2 tensors, 224 B\n"));
  EXPECT_THAT(text, HasSubstr("  tokenizer.ggml.tokens         3 texts\n"));
  EXPECT_THAT(text, HasSubstr("  blk.0.ffn_up.weight  Q8_0  [3, 64]  204 B\n"));
}

}  // namespace
}  // namespace pare::test
