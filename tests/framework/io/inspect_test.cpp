// SPDX-License-Identifier: Apache-2.0
#include "framework/io/inspect.hpp"

#include <gtest/gtest.h>

#include "framework/io/h5_file.hpp"
#include "tests/framework/io/safetensors_bytes.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

TEST(Inspect, WritesSizesForPeople) {
  EXPECT_EQ(framework::human_bytes(0), "0 B");
  EXPECT_EQ(framework::human_bytes(1023), "1023 B");
  EXPECT_EQ(framework::human_bytes(1024), "1.00 KiB");
  EXPECT_EQ(framework::human_bytes(15'938'355), "15.2 MiB");
  EXPECT_EQ(framework::human_bytes(std::int64_t{7} << 37), "896 GiB");
}

TEST(Inspect, AlignsColumnsByCharacters) {
  EXPECT_EQ(framework::format_table({{"größer", "1"}, {"a", "22", "x"}, {"", "", "y"}}),
            "  größer  1\n"
            "  a       22  x\n"
            "              y\n");
  EXPECT_EQ(framework::format_table({}), "");
}

TEST(Inspect, ListsTheTensorsOfASafetensorsFile) {
  const ScratchDirectory directory;
  const auto path = directory / "m.safetensors";
  write_bytes(path,
              make_safetensors({float_tensor("a.weight", {2, 3}, std::vector<float>(6)), float_tensor("b", {}, {1})}));

  EXPECT_EQ(framework::describe_safetensors(path), path.string() +
                                                       ": safetensors, 2 tensors, 28 B\n"
                                                       "  a.weight  F32  [2, 3]  24 B\n"
                                                       "  b         F32  []      4 B\n");
}

TEST(Inspect, CountsTheTokensOfATokenFile) {
  const ScratchDirectory directory;
  const auto path = directory / "tokens.h5";
  auto file = framework::H5File::create(path);
  file.write("/tokens", std::vector<std::uint32_t>{1, 2, 3, 4, 5});
  file.write("/doc_offsets", std::vector<std::uint64_t>{0, 2, 5});
  file.set_attribute("/", "vocab_size", 512);
  file.set_attribute("/", "source", "book.txt");
  file.commit();

  const std::string text = framework::describe_hdf5(path);

  EXPECT_EQ(text.substr(text.find('\n') + 1),
            "token file: 5 tokens, 2 documents, vocabulary 512\n"
            "  /             group        source: book.txt\n"
            "                             vocab_size: 512\n"
            "  /doc_offsets  uint64  [3]\n"
            "  /tokens       uint32  [5]\n");
}

}  // namespace
}  // namespace pare::test
