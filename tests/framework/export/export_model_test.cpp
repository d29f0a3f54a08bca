// SPDX-License-Identifier: Apache-2.0
#include "framework/export/export_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "framework/io/checkpoint.hpp"
#include "framework/io/json.hpp"
#include "framework/io/staged_directory.hpp"
#include "kernels/core/error.hpp"
#include "tests/framework/export/exported_world.hpp"

namespace pare::test {
namespace {

namespace fs = std::filesystem;
using framework::Checkpoint;
using framework::Json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// As in exported_world.hpp, with rules.
std::vector<framework::ExportLayer> layers_under(const framework::Model& model,
                                                 const std::vector<framework::Site>& sites,
                                                 const std::vector<std::string>& by_kind) {
  framework::OptionIndices recipe;
  for (const framework::Site& site : sites) {
    const std::string& wanted = by_kind[site.linears.front() % by_kind.size()];
    std::uint8_t index = 0;
    while (site.options[index].name() != wanted) ++index;
    recipe.push_back(index);
  }
  return framework::export_layers(model, sites, recipe, nullptr);
}

TEST(ExportModel, ConfigNamesEachSchemeOnce) {
  ExportedWorld exported("w4-g32");

  const fs::path directory = exported.write(*framework::compressed_tensors_format());

  const Json config = framework::parse_json_file(directory / "config.json");
  const Json& quantization = config["quantization_config"];
  EXPECT_EQ(quantization["format"], "pack-quantized");
  EXPECT_EQ(quantization["ignore"], Json::array({"lm_head"}));
  ASSERT_EQ(quantization["config_groups"].size(), 1u);
  const Json& group = quantization["config_groups"]["group_0"];
  EXPECT_EQ(group["targets"].size(), 14u);
  EXPECT_EQ(group["format"], "pack-quantized");
  EXPECT_EQ(group["weights"], Json::parse(R"({"num_bits": 4, "type": "int", "symmetric": false, "strategy": "group",
                                              "dynamic": false, "group_size": 32})"));
  EXPECT_TRUE(group["input_activations"].is_null());
}

TEST(ExportModel, BytesAreThoseOfTheBudgetAndTheShapes) {
  ExportedWorld exported("w4-g32-sym");
  std::int64_t promised = 0;
  for (const auto& site : exported.world.sites)
    promised += framework::site_bytes(exported.world.model, site, site.options.front());

  const fs::path directory = exported.write(*framework::compressed_tensors_format());

  EXPECT_EQ(exported.bytes.layers, promised + 14 * 16);
  EXPECT_EQ(exported.bytes.total, Checkpoint(directory).total_bytes());
}

TEST(ExportModel, FileIsAlignedAndSaysPt) {
  ExportedWorld exported("w8a8-static");

  const auto file = read_bytes(exported.write(*framework::compressed_tensors_format()) / "model.safetensors");

  const auto header = framework::parse_safetensors(file, "exported");
  EXPECT_THAT(header.metadata, ElementsAre(std::pair<std::string, std::string>("format", "pt")));
  for (const auto& tensor : header.tensors)
    EXPECT_EQ(tensor.offset % framework::bytes_of(tensor.type), 0) << tensor.name;
}

/// Moves half of the tensors of a model to a second file.
void shard(const fs::path& directory) {
  const auto file = read_bytes(directory / "model.safetensors");
  std::vector<TensorBytes> parts[2];
  Json map = Json::object();
  const auto header = framework::parse_safetensors(file, "whole");
  for (std::size_t i = 0; i < header.tensors.size(); ++i) {
    const auto& tensor = header.tensors[i];
    const auto begin = file.begin() + tensor.offset;
    parts[i % 2].push_back({tensor.name, "F32", tensor.shape, {begin, begin + tensor.bytes}});
    map[tensor.name] = i % 2 == 0 ? "model-00001-of-00002.safetensors" : "model-00002-of-00002.safetensors";
  }
  write_bytes(directory / "model-00001-of-00002.safetensors", make_safetensors(parts[0]));
  write_bytes(directory / "model-00002-of-00002.safetensors", make_safetensors(parts[1]));
  framework::write_file_atomically(directory / "model.safetensors.index.json", Json{{"weight_map", map}}.dump());
  fs::remove(directory / "model.safetensors");
}

TEST(ExportModel, KeepsShardsAndOtherFiles) {
  const RandomModel files;
  const fs::path source = files.write();
  shard(source);
  framework::write_file_atomically(source / "tokenizer.json", "{}");
  framework::write_file_atomically(source / "pytorch_model.bin", "weights");
  const SmallWorld world(source, {"w4-g32"}, kernels::Precision::f32);
  const framework::OptionIndices recipe(world.sites.size(), 0);
  const auto layers = framework::export_layers(world.model, world.sites, recipe, &world.bank);
  const ScratchDirectory scratch;

  framework::export_model(world.model, layers, *framework::compressed_tensors_format(), scratch.path(),
                          [](std::int64_t, std::int64_t) {});

  const Checkpoint exported(scratch.path());
  EXPECT_EQ(exported.files().size(), 2u);
  EXPECT_EQ(exported.at("model.layers.1.mlp.up_proj.weight_packed").file.filename(),
            Checkpoint(source).at("model.layers.1.mlp.up_proj.weight").file.filename());
  EXPECT_TRUE(fs::exists(scratch / "tokenizer.json"));
  EXPECT_FALSE(fs::exists(scratch / "pytorch_model.bin"));
}

TEST(ExportModel, SizesOfConfigFollowWhatWasTakenAway) {
  ExportedWorld exported("keep-50%+w4-g32");

  const Json config =
      framework::parse_json_file(exported.write(*framework::compressed_tensors_format()) / "config.json");

  EXPECT_EQ(config["num_attention_heads"], 2);
  EXPECT_EQ(config["num_key_value_heads"], 1);
  EXPECT_EQ(config["head_dim"], 16);
  EXPECT_EQ(config["intermediate_size"], 64);
}

class Refusal : public testing::Test {
 protected:
  std::string of(const framework::ModelFormat& format, const std::vector<std::string>& by_linear) const {
    const auto sites = sites_with(model_, by_linear);
    try {
      framework::check_exportable(model_, layers_under(model_, sites, by_linear), format);
    } catch (const InputError& error) {
      return error.what();
    }
    return "exportable";
  }

  RandomModel files_;
  framework::Model model_{files_.write()};
};

TEST_F(Refusal, NamesLayerAndReason) {
  EXPECT_THAT(of(*framework::compressed_tensors_format(), {"w3-g32"}),
              HasSubstr("--format compressed-tensors: model.layers.0.self_attn.q_proj: target vllm does not execute"));
  EXPECT_THAT(of(*framework::compressed_tensors_format(), {"w4-g32", "w8-g32"}), HasSubstr("engines run them as one"));
  EXPECT_THAT(of(*framework::dense_format(), {"drop"}), HasSubstr("search without 'drop'"));
  EXPECT_THAT(of(*framework::dense_format(), {"w8a8"}),
              HasSubstr("plain weights cannot say that inputs are quantized"));
}

TEST_F(Refusal, QuantizedSourceIsNoSource) {
  ExportedWorld exported("w8-channel-sym");
  const framework::Model again(exported.write(*framework::compressed_tensors_format()));
  const auto sites = sites_with(again, {"w16"});

  EXPECT_THAT(
      [&] { framework::check_exportable(again, layers_under(again, sites, {"w16"}), *framework::dense_format()); },
      ThrowsMessage<InputError>(HasSubstr("is quantized already")));
}

TEST(StagedDirectory, FullDiskLeavesNothing) {
  ExportedWorld exported("w4-g32");
  const ScratchDirectory scratch;
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit little{20'000, old.rlim_max};
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &little);

  EXPECT_THAT(
      [&] {
        const framework::StagedDirectory staged(scratch / "out");
        framework::export_model(exported.world.model, exported.layers, *framework::compressed_tensors_format(),
                                staged.path(), [](std::int64_t, std::int64_t) {});
      },
      ThrowsMessage<InputError>(HasSubstr("model.safetensors: cannot be written")));

  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, previous);
  EXPECT_TRUE(fs::is_empty(scratch.path()));
}

TEST(StagedDirectory, ReplacesTheOldOneWhole) {
  const ScratchDirectory scratch;
  fs::create_directory(scratch / "out");
  framework::write_file_atomically(scratch / "out" / "old", "old");

  framework::StagedDirectory staged(scratch / "out/");
  framework::write_file_atomically(staged.path() / "new", "new");
  staged.commit();

  EXPECT_TRUE(fs::exists(scratch / "out" / "new"));
  EXPECT_FALSE(fs::exists(scratch / "out" / "old"));
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), {}), 1);
}

}  // namespace
}  // namespace pare::test
