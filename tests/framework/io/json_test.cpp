// SPDX-License-Identifier: Apache-2.0
#include "framework/io/json.hpp"

#include <gtest/gtest.h>

#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using framework::Json;
using framework::parse_json;

std::string error_of_text(std::string_view text) {
  return error_of([&] { parse_json(text, "f.json"); });
}

TEST(Json, KeepsTheOrderOfKeys) {
  const Json value = parse_json(R"({"b": 1, "a": [true, null, "x"]})", "f.json");

  EXPECT_EQ(value.begin().key(), "b");
  EXPECT_EQ(value["a"].size(), 3u);
}

TEST(Json, NamesLineAndColumnOfAnError) {
  EXPECT_EQ(error_of_text("{\n  \"a\": 1,\n  \"b\": oops\n}").substr(0, 21), "f.json:3:8: not JSON ");
  EXPECT_EQ(error_of_text("").substr(0, 21), "f.json:1:1: not JSON ");
  EXPECT_EQ(error_of_text("{} {}").substr(0, 21), "f.json:1:4: not JSON ");
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_EQ(error_of_text(R"({"a": {"x": 1}, "b": {"x": 1, "x": 2}})"), "f.json: key 'x' is there twice in one object");
}

TEST(Json, RefusesZeroBytesAndDeepNesting) {
  EXPECT_EQ(error_of_text(std::string_view("{}\0{}", 5)), "f.json:1:3: not JSON, there is a zero byte");
  EXPECT_EQ(error_of_text(std::string(100'000, '[')), "f.json: nested more than 64 levels deep");
}

TEST(Json, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(error_of_text("{\"a\": \"\xc0\xaf\"}").substr(0, 13), "f.json:1:8: n");
}

TEST(Json, NamesAFileThatIsNotThere) {
  const ScratchDirectory directory;
  EXPECT_EQ(error_of([&] { framework::parse_json_file(directory / "config.json"); }),
            (directory / "config.json").string() + ": cannot be opened (No such file or directory)");
}

}  // namespace
}  // namespace pare::test
