// SPDX-License-Identifier: Apache-2.0
#include "framework/io/checkpoint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "framework/io/atomic_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/framework/io/test_data.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::Checkpoint;

constexpr const char* index_name = "model.safetensors.index.json";

/// Two shards with a tensor each and an index.
class CheckpointTest : public testing::Test {
 protected:
  CheckpointTest() {
    write_bytes(directory_ / "one.safetensors", make_safetensors({float_tensor("a", {2}, {1, 2})}));
    write_bytes(directory_ / "two.safetensors",
                make_safetensors({float_tensor("b", {1, 1}, {3}), float_tensor("extra", {1}, {4})}));
    write_index(R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  }

  void write_index(const std::string& text) { framework::write_file_atomically(directory_ / index_name, text); }
  std::string error() const {
    return error_of([&] { Checkpoint(directory_.path()); });
  }
  std::string in(const std::string& file, const std::string& text) const {
    return (directory_ / file).string() + ": " + text;
  }

  ScratchDirectory directory_;
};

TEST_F(CheckpointTest, FindsTensorsInTheShardsOfTheIndex) {
  Checkpoint opened(directory_.path());
  const Checkpoint checkpoint = std::move(opened);

  EXPECT_THAT(checkpoint.names(), testing::ElementsAre("a", "b"));
  EXPECT_EQ(checkpoint.total_bytes(), 12);
  EXPECT_EQ(checkpoint.at("b").file, directory_ / "two.safetensors");
  EXPECT_EQ(checkpoint.at("b").info.shape, (std::vector<std::int64_t>{1, 1}));
  EXPECT_EQ(checkpoint.at("a").bytes.size(), 8u);
  EXPECT_FALSE(checkpoint.find("extra"));
}

TEST_F(CheckpointTest, NamesATensorThatIsNowhereAndTheNearest) {
  write_bytes(directory_ / "model.safetensors", make_safetensors({float_tensor("model.norm.weight", {1}, {1})}));
  EXPECT_EQ(error_of([&] { Checkpoint(directory_.path()).at("model.nrom.weight"); }),
            in("model.safetensors", "tensor 'model.nrom.weight' is missing, did you mean 'model.norm.weight'?"));
}

TEST_F(CheckpointTest, RefusesAMissingShard) {
  std::filesystem::remove(directory_ / "two.safetensors");
  EXPECT_EQ(error(),
            in("two.safetensors", "the shard is missing (model.safetensors.index.json lists 1 tensors there)"));
}

TEST_F(CheckpointTest, RefusesATruncatedShard) {
  std::vector<std::byte> bytes = read_bytes(directory_ / "two.safetensors");
  bytes.pop_back();
  write_bytes(directory_ / "two.safetensors", bytes);

  EXPECT_EQ(error(), in("two.safetensors",
                        "tensor 'extra': its data ends 1 bytes beyond the end of the file (is the file cut off?)"));
}

TEST_F(CheckpointTest, RefusesATensorThatIsNotInItsShard) {
  write_index(R"({"weight_map": {"a": "two.safetensors", "b": "two.safetensors"}})");
  EXPECT_EQ(error(), in("two.safetensors", "tensor 'a' is not there, though model.safetensors.index.json says so"));
}

TEST_F(CheckpointTest, RefusesShardsOutsideTheDirectory) {
  for (const std::string name : {"../two.safetensors", "/etc/passwd", "sub/two.safetensors", "..", "", "two.bin"}) {
    write_index(R"({"weight_map": {"a": ")" + name + R"("}})");
    EXPECT_EQ(error(),
              in(index_name, "weight_map: 'a': '" + name + "' is not a plain file name ending in .safetensors"));
  }
}

TEST_F(CheckpointTest, RefusesNamesOfShardsThatNoLineCouldShow) {
  write_index(R"({"weight_map": {"a": "one\ttwo.safetensors"}})");
  EXPECT_EQ(error(), in(index_name, R"(weight_map: 'a': 'one\x09two.safetensors' is not a plain file name ending in )"
                                    ".safetensors"));
  write_index(R"({"weight_map": {"a": ")" + std::string(300, 'x') + R"(.safetensors"}})");
  EXPECT_THAT(error(), testing::HasSubstr("is not a plain file name"));
}

TEST_F(CheckpointTest, RefusesAnIndexOfAnotherForm) {
  write_index("[]");
  EXPECT_EQ(error(), in(index_name, R"(no object "weight_map", it should map tensor names to file names)"));
  write_index(R"({"weight_map": []})");
  EXPECT_EQ(error(), in(index_name, R"(no object "weight_map", it should map tensor names to file names)"));
  write_index(R"({"weight_map": {}})");
  EXPECT_EQ(error(), in(index_name, "weight_map is empty"));
  write_index(R"({"weight_map": {"a": 1}})");
  EXPECT_EQ(error(), in(index_name, "weight_map: 'a' should be a file name"));
  write_index(R"({"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}})");
  EXPECT_EQ(error(), in(index_name, "key 'a' is there twice in one object"));
}

TEST_F(CheckpointTest, RefusesAShardThatIsADirectory) {
  std::filesystem::remove(directory_ / "two.safetensors");
  std::filesystem::create_directory(directory_ / "two.safetensors");
  EXPECT_EQ(error(), in("two.safetensors", "is not a regular file"));
}

TEST(Checkpoint, RefusesWhatIsNoCheckpoint) {
  const ScratchDirectory directory;
  EXPECT_EQ(error_of([&] { Checkpoint(directory.path()); }),
            directory.path().string() + ": holds neither model.safetensors nor model.safetensors.index.json");
  EXPECT_THAT(error_of([&] { Checkpoint(directory / "none"); }), testing::HasSubstr("none: is not a directory"));
}

TEST(Checkpoint, ShardsHoldTheSameWeightsAsTheSingleFile) {
  const auto single_path = test_data("stories260k/hf");
  PARE_SKIP_WITHOUT(single_path);
  const Checkpoint single(single_path);
  const Checkpoint sharded(test_data("stories260k/hf-sharded"));

  EXPECT_EQ(sharded.files().size(), 2u);
  EXPECT_EQ(sharded.names(), single.names());
  EXPECT_EQ(sharded.total_bytes(), 1'040'128);
  for (const std::string& name : single.names()) {
    EXPECT_EQ(sharded.at(name).info.shape, single.at(name).info.shape) << name;
    EXPECT_TRUE(std::ranges::equal(sharded.at(name).bytes, single.at(name).bytes)) << name;
  }
}

}  // namespace
}  // namespace pare::test
