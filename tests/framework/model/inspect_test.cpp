// SPDX-License-Identifier: Apache-2.0
#include "framework/model/inspect.hpp"

#include <gtest/gtest.h>

#include "framework/io/h5_file.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/framework/model/tiny_model.hpp"

namespace pare::test {
namespace {

using framework::inspect;

TEST(Inspect, DescribesAModelDirectory) {
  const TinyModel model;
  const std::string path = model.write().string();

  const std::string text = inspect(path);

  EXPECT_TRUE(text.starts_with(path + ": llama model, 156 weights in 12 tensors and 1 file, 624 B\n")) << text;
  EXPECT_NE(text.find("  heads            2 query, 1 key and value, 2 wide\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  model.layers.0.mlp.down_proj.weight             F32  [4, 6]  96 B\n"), std::string::npos)
      << text;
}

TEST(Inspect, KnowsFilesByTheirContent) {
  const ScratchDirectory directory;
  auto file = framework::H5File::create(directory / "tokens");
  file.write("/x", std::vector<float>{1});
  file.commit();
  write_bytes(directory / "weights", make_safetensors({float_tensor("a", {1}, {1})}));

  EXPECT_TRUE(inspect(directory / "tokens").starts_with((directory / "tokens").string() + ": HDF5, "));
  EXPECT_TRUE(
      inspect(directory / "weights").starts_with((directory / "weights").string() + ": safetensors, 1 tensors, 4 B\n"));
}

TEST(Inspect, SaysWhichKindsOfFilesItKnows) {
  const ScratchDirectory directory;
  framework::write_file_atomically(directory / "a.txt", "hello, this is text");
  framework::write_file_atomically(directory / "b.safetensors", "hello, this is text");

  EXPECT_EQ(error_of([&] { inspect(directory / "a.txt"); }),
            (directory / "a.txt").string() +
                ": unknown kind of file (known: model directory, .safetensors, .gguf, HDF5 files of tokens, "
                "banks and runs)");
  EXPECT_NE(error_of([&] { inspect(directory / "b.safetensors"); }).find(": not a safetensors file ("),
            std::string::npos);
  EXPECT_EQ(error_of([&] { inspect(directory / "none"); }),
            (directory / "none").string() + ": there is no such file or directory");
  EXPECT_EQ(error_of([&] { inspect(directory.path()); }),
            directory.path().string() + ": not a model directory (no config.json in it)");
}

}  // namespace
}  // namespace pare::test
