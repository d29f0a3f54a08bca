// SPDX-License-Identifier: Apache-2.0
#include "framework/export/gguf_export.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "framework/export/verify_export.hpp"
#include "framework/io/gguf_file.hpp"
#include "framework/io/json.hpp"
#include "framework/model/gguf_layout.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/export/exported_world.hpp"

namespace pare::test {
namespace {

namespace fs = std::filesystem;
using framework::GgmlType;
using framework::GgufExport;
using framework::GgufFile;
using framework::Model;
using testing::HasSubstr;

const ScratchDirectory& scratch() {
  static const ScratchDirectory directory;
  return directory;
}

fs::path write(const GgufExport& content, const std::string& name = "model.gguf") {
  framework::write_gguf(content, scratch() / name, [](std::int64_t, std::int64_t) {});
  return scratch() / name;
}

fs::path write_from_checkpoint(const ExportedWorld& exported, const std::string& name = "model.gguf") {
  return write(framework::gguf_from_checkpoint(exported.world.model, exported.layers), name);
}

class GgufReadBack : public testing::TestWithParam<const char*> {};

TEST_P(GgufReadBack, HasWeightsAndLossOfTheBank) {
  const ExportedWorld exported(GetParam());

  const Model model(write_from_checkpoint(exported));

  EXPECT_EQ(model.config().model_type, "llama");
  EXPECT_EQ(framework::compare_weights(model, exported.world.model, exported.layers),
            2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 96));
  EXPECT_EQ(scores_of_file(exported, model).kl, scores_of_recipe(exported).kl);
}

INSTANTIATE_TEST_SUITE_P(Options, GgufReadBack,
                         testing::Values("q4_0", "q5_0", "q8_0", "iq4_nl", "q4_0-imatrix", "50%-magnitude-dense+q8_0",
                                         "50%-magnitude-dense", "w16"));

TEST(GgufExport, BlocksAreThoseOfTheBankWithPairedRows) {
  const ExportedWorld exported("q4_0");
  const GgufFile file(write_from_checkpoint(exported));
  const framework::ExportLayer& q = exported.layers.front();
  const std::int64_t row = std::ssize(q.stored->body) / 64;

  const auto bytes = file.bytes(file.at("blk.0.attn_q.weight"));

  // Rows 0 and 1 of llama.cpp are the halves 0 and 8 of the first head (16 wide) of the checkpoint.
  EXPECT_TRUE(std::ranges::equal(bytes.subspan(0, row), q.stored->body.subspan(0, row)));
  EXPECT_TRUE(std::ranges::equal(bytes.subspan(row, row), q.stored->body.subspan(8 * row, row)));
  EXPECT_EQ(file.text("general.architecture"), "llama");
  EXPECT_EQ(file.whole("general.file_type", 0, 99), 2);
  EXPECT_EQ(file.whole("general.quantization_version", 0, 9), 2);
  EXPECT_EQ(file.at("blk.0.attn_norm.weight").type, GgmlType::f32);
}

TEST(GgufExport, ReportsTheBytesOfTheBudget) {
  const ExportedWorld exported("q8_0");
  std::int64_t promised = 0;
  for (const auto& site : exported.world.sites)
    promised += framework::site_bytes(exported.world.model, site, site.options.front());

  const auto bytes = framework::write_gguf(framework::gguf_from_checkpoint(exported.world.model, exported.layers),
                                           scratch() / "bytes.gguf", [](std::int64_t, std::int64_t) {});

  EXPECT_EQ(bytes.layers, promised);
  EXPECT_EQ(bytes.total, Model(scratch() / "bytes.gguf").total_bytes());
}

TEST(GgufExport, TemplateIsRetypedAndKeepsItsKeys) {
  const ExportedWorld plain("w16"), exported("q5_0");
  GgufExport base = framework::gguf_from_checkpoint(plain.world.model, plain.layers);
  base.keys.set("general.author", framework::GgufValue::text("somebody"));

  const GgufExport content =
      framework::gguf_from_template(exported.world.model, exported.layers, write(base, "base.gguf"));
  const Model model(write(content));

  EXPECT_EQ(content.rounded, 0);
  EXPECT_EQ(GgufFile(scratch() / "model.gguf").text("general.author"), "somebody");
  EXPECT_GT(framework::compare_weights(model, exported.world.model, exported.layers), 0);
  EXPECT_EQ(scores_of_file(exported, model).kl, scores_of_recipe(exported).kl);
}

/// What a template gives as an error, after a change to the tensors or keys that the right one has.
std::string error_with_template(const std::function<void(GgufExport&)>& change) {
  const ExportedWorld plain("w16"), exported("q5_0");
  GgufExport base = framework::gguf_from_checkpoint(plain.world.model, plain.layers);
  change(base);
  const fs::path file = write(base, "changed.gguf");
  return error_of([&] { framework::gguf_from_template(exported.world.model, exported.layers, file); });
}

framework::GgufExportTensor& tensor_of(GgufExport& content, const std::string& name) {
  return *std::ranges::find_if(content.tensors, [&](const auto& tensor) { return tensor.spec.name == name; });
}

TEST(GgufTemplate, OfAnotherModelIsRefusedByWhatDiffers) {
  EXPECT_THAT(error_with_template([](GgufExport& base) {
                auto& tensor = tensor_of(base, "blk.1.ffn_up.weight");
                tensor.make = [make = tensor.make] {
                  auto bytes = make();
                  const float other = 7;
                  std::memcpy(bytes.data() + 12, &other, sizeof(other));
                  return bytes;
                };
              }),
              HasSubstr("changed.gguf: is not of the model"));
  EXPECT_THAT(error_with_template(
                  [](GgufExport& base) { base.keys.set("general.architecture", framework::GgufValue::text("gemma")); }),
              HasSubstr("general.architecture 'gemma' is not supported (supported: llama, qwen2, qwen3)"));
  EXPECT_THAT(error_with_template(
                  [](GgufExport& base) { base.keys.set("llama.rope.freq_base", framework::GgufValue::f32(500'000)); }),
              HasSubstr("it has 500000 as the base of rotary frequencies, the checkpoint 10000"));
  EXPECT_THAT(
      error_with_template([](GgufExport& base) { base.keys.set("llama.block_count", framework::GgufValue::u32(3)); }),
      HasSubstr("tensor 'blk.2.attn_norm.weight' is missing"));
}

TEST(GgufTemplate, OfARoundedTypeIsAcceptedAndSaid) {
  const ExportedWorld plain("w16"), exported("q5_0");
  GgufExport base = framework::gguf_from_checkpoint(plain.world.model, plain.layers);
  auto& embedding = tensor_of(base, "token_embd.weight");
  embedding.spec.type = GgmlType::f16;
  embedding.make = [make = embedding.make] {
    const auto wide = make();
    std::vector<std::byte> narrow(wide.size() / 2);
    for (std::size_t i = 0; i < narrow.size() / 2; ++i) {
      float value = 0;
      std::memcpy(&value, wide.data() + 4 * i, 4);
      const auto half = kernels::to_float16(value * 1.0004f);
      std::memcpy(narrow.data() + 2 * i, &half, 2);
    }
    return narrow;
  };

  const GgufExport content =
      framework::gguf_from_template(exported.world.model, exported.layers, write(base, "rounded.gguf"));

  EXPECT_GT(content.rounded, 0);
  EXPECT_THAT(content.remarks.back(), HasSubstr("weights of the template differ from the checkpoint by its rounding"));
}

TEST(GgufTemplate, ThatIsQuantizedIsRefused) {
  const ExportedWorld exported("q5_0");
  const fs::path quantized = write_from_checkpoint(exported, "quantized.gguf");

  EXPECT_THAT(error_of([&] { framework::gguf_from_template(exported.world.model, exported.layers, quantized); }),
              HasSubstr("is quantized already (blk.0.attn_q.weight is Q5_0), give the F16, BF16 or F32 file"));
}

TEST(GgufExport, RefusesWhatBlocksCannotSay) {
  const RandomModel files;
  const Model model(files.write());
  const auto error_under = [&](const std::string& option) {
    const auto sites = framework::make_sites(model, {{"*", {framework::parse_option(option)}}}, {});
    const framework::OptionIndices recipe(sites.size(), 0);
    return error_of(
        [&] { framework::check_gguf_exportable(model, framework::export_layers(model, sites, recipe, nullptr)); });
  };
  EXPECT_THAT(error_under("w4-g32"),
              HasSubstr("--format gguf: model.layers.0.self_attn.q_proj: target llama.cpp does not execute 'w4-g32'"));
  EXPECT_THAT(error_under("keep-50%"), HasSubstr("one number of heads and channels for all layers"));
  EXPECT_THAT(error_under("2:4-magnitude"), HasSubstr("write '-dense' behind the sparsity"));
}

/// The small model with another config.json, exported under q8_0 and read again.
class OtherArchitecture {
 public:
  explicit OtherArchitecture(const std::string& config, const std::vector<std::string>& without = {}) {
    for (const std::string& part : without)
      std::erase_if(files_.values, [&](const auto& entry) { return entry.first.find(part) != std::string::npos; });
    const fs::path directory = files_.write();
    framework::Json json = framework::parse_json_file(directory / "config.json");
    json.update(framework::Json::parse(config));
    framework::write_file_atomically(directory / "config.json", json.dump());
    world_.emplace(directory, std::vector<std::string>{"q8_0"}, kernels::Precision::f32);
    const framework::OptionIndices recipe(world_->sites.size(), 0);
    layers_ = framework::export_layers(world_->model, world_->sites, recipe, &world_->bank);
  }

  const Model& source() const { return world_->model; }
  const std::vector<framework::ExportLayer>& layers() const { return layers_; }
  fs::path write() const { return test::write(framework::gguf_from_checkpoint(source(), layers_), "other.gguf"); }

 private:
  RandomModel files_;
  std::optional<SmallWorld> world_;
  std::vector<framework::ExportLayer> layers_;
};

TEST(GgufExport, Qwen2KeepsTheOrderOfRows) {
  const OtherArchitecture exported(R"({"model_type": "qwen2"})",
                                   {"o_proj.bias", "mlp.gate_proj.bias", "mlp.up_proj.bias", "mlp.down_proj.bias"});

  const Model model(exported.write());

  EXPECT_EQ(model.config().model_type, "qwen2");
  EXPECT_GT(framework::compare_weights(model, exported.source(), exported.layers()), 0);
  const auto body = exported.layers().front().stored->body;
  const GgufFile file(scratch() / "other.gguf");
  EXPECT_TRUE(std::ranges::equal(file.bytes(file.at("blk.0.attn_q.weight")), body));
  EXPECT_EQ(model.read_bias(model.stages()[1].linears[0]),
            exported.source().read_bias(exported.source().stages()[1].linears[0]));
}

TEST(GgufExport, ScaledRotaryFrequenciesAreReadBack) {
  const OtherArchitecture llama3(
      R"({"rope_theta": 500000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 32}})");
  const OtherArchitecture linear(R"({"rope_scaling": {"rope_type": "linear", "factor": 4.0}})");

  for (const OtherArchitecture* exported : {&llama3, &linear}) {
    const Model model(exported->write());
    const std::vector<double>& wanted = exported->source().config().inverse_frequencies;
    ASSERT_EQ(model.config().inverse_frequencies.size(), wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(model.config().inverse_frequencies[i], wanted[i], 1e-7 * wanted[i]) << i;
    EXPECT_EQ(GgufFile(scratch() / "other.gguf").find("rope_freqs.weight") != nullptr, exported == &llama3);
  }
}

TEST(GgufLayout, NamesAndRowsAreThoseOfLlamaCpp) {
  EXPECT_EQ(framework::gguf_name("model.layers.11.self_attn.q_proj.bias"), "blk.11.attn_q.bias");
  EXPECT_EQ(framework::gguf_name("model.layers.0.post_attention_layernorm.weight"), "blk.0.ffn_norm.weight");
  EXPECT_EQ(framework::gguf_architecture("mistral"), "llama");
  EXPECT_TRUE(framework::has_paired_rows("llama", "model.layers.0.self_attn.k_proj.bias"));
  EXPECT_FALSE(framework::has_paired_rows("qwen2", "model.layers.0.self_attn.k_proj.weight"));

  const std::vector<std::uint8_t> rows{0, 1, 2, 3, 4, 5, 6, 7};  // two heads of 4
  std::vector<std::uint8_t> paired(8), again(8);
  framework::pair_rows(std::as_bytes(std::span(rows)), 1, 4, std::as_writable_bytes(std::span(paired)));
  framework::unpair_rows(std::as_bytes(std::span(paired)), 1, 4, std::as_writable_bytes(std::span(again)));
  EXPECT_THAT(paired, testing::ElementsAre(0, 2, 1, 3, 4, 6, 5, 7));
  EXPECT_EQ(again, rows);
}

}  // namespace
}  // namespace pare::test
