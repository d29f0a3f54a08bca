// SPDX-License-Identifier: Apache-2.0
#include "framework/config/config_document.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/framework/config/expect_error.hpp"

namespace pare::test {
namespace {

using framework::ConfigDocument;

std::string parse_error(const std::string& text) {
  return error_of([&] { ConfigDocument::parse(text, "x.yaml"); });
}

std::string repeated(const std::string& part, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += part;
  return text;
}

}  // namespace

TEST(ConfigDocument, RefusesAKeyGivenTwice) {
  EXPECT_EQ(parse_error("a: 1\nb:\n  c: 1\n  c: 2\n"), "x.yaml:4:3: key 'c' is given twice, keep one");
  EXPECT_EQ(parse_error("a: {b: 1, \"b\": 2}\n"), "x.yaml:1:11: key 'b' is given twice, keep one");
}

TEST(ConfigDocument, AllowsTheSameKeyInTwoMappings) {
  EXPECT_EQ(parse_error("a: {b: 1}\nc: {b: 1}\n"), "(no error)");
}

TEST(ConfigDocument, RefusesAnAliasBombAtItsFirstAnchor) {
  std::string text = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string last = std::to_string(i - 1), next = std::to_string(i);
    text += "a" + next + ": &a" + next + " [*a" + last + ", *a" + last + "]\n";
  }

  EXPECT_EQ(parse_error(text), "x.yaml:1:5: anchor '&a0' (anchors and aliases are not supported), write the value out");
}

TEST(ConfigDocument, RefusesAnAliasOfItself) {
  EXPECT_EQ(parse_error("a: &a [*a]\n"),
            "x.yaml:1:4: anchor '&a' (anchors and aliases are not supported), write the value out");
  EXPECT_EQ(parse_error("&a a: *a\n").substr(0, 12), "x.yaml:1:1: ");
  EXPECT_EQ(parse_error("a: *b\n"), "x.yaml:1:4: not valid YAML: the referenced anchor is not defined");
}

TEST(ConfigDocument, RefusesMergeKeysAndTags) {
  EXPECT_EQ(parse_error("a:\n  <<: {b: 1}\n"), "x.yaml:2:3: merge key '<<' (not supported), write the values out");
  EXPECT_EQ(parse_error("a: !!int 3\n"), "x.yaml:1:4: tag 'tag:yaml.org,2002:int' (tags are not supported), drop it");
  EXPECT_EQ(parse_error("a: !mine {b: 1}\n"), "x.yaml:1:4: tag '!mine' (tags are not supported), drop it");
}

TEST(ConfigDocument, RefusesADepthBomb) {
  const std::string nested = "nested deeper than 32 levels";

  EXPECT_EQ(parse_error("a: " + repeated("[", 400) + repeated("]", 400)), "x.yaml:1:35: " + nested);
  EXPECT_EQ(parse_error("a: " + repeated("[", 100000)).substr(0, 9), "x.yaml:1:");
  EXPECT_EQ(parse_error("a: " + repeated("{a: ", 100000)), "x.yaml:1:128: " + nested);
  EXPECT_EQ(parse_error(repeated("- ", 100000)), "x.yaml:1:65: " + nested);
  EXPECT_EQ(parse_error("a: " + repeated("[", 31) + repeated("]", 31)), "(no error)");
  EXPECT_EQ(parse_error("a: " + repeated("[", 32) + repeated("]", 32)), "x.yaml:1:35: " + nested);
}

TEST(ConfigDocument, RefusesInvalidUtf8) {
  const std::string problem = "not valid UTF-8, save the text as UTF-8";

  EXPECT_EQ(parse_error("a: 1\nb: \xFF\n"), "x.yaml:2:4: " + problem);
  EXPECT_EQ(parse_error("a: \xC0\xAF\n"), "x.yaml:1:4: " + problem);      // overlong
  EXPECT_EQ(parse_error("a: \xED\xA0\x80\n"), "x.yaml:1:4: " + problem);  // surrogate
  EXPECT_EQ(parse_error("a: \xF4\x90\x80\x80\n"), "x.yaml:1:4: " + problem);
  EXPECT_EQ(parse_error("a: \xE2\x82"), "x.yaml:1:4: " + problem);  // cut off
  EXPECT_EQ(parse_error(std::string("\xFF\xFE") + std::string("a\0:\0", 4)), "x.yaml:1:1: " + problem);
}

TEST(ConfigDocument, RefusesControlCharacters) {
  EXPECT_EQ(parse_error(std::string("a: \0", 4)), "x.yaml:1:4: a control character, remove it");
  EXPECT_EQ(parse_error("a: \"x\\0\"\n"), "x.yaml:1:4: a text with the character NUL");
}

TEST(ConfigDocument, KeepsTextInOtherScripts) {
  const auto document = ConfigDocument::parse(
      "pfad: gr\xC3\xB6\xC3\x9F"
      "e/\xE2\x82\xAC/\xF0\x9F\x98\x80\n",
      "x.yaml");

  EXPECT_EQ(document.root().at("pfad").as_string(),
            "gr\xC3\xB6\xC3\x9F"
            "e/\xE2\x82\xAC/\xF0\x9F\x98\x80");
}

TEST(ConfigDocument, RefusesARootThatIsNoMapping) {
  EXPECT_EQ(parse_error(""), "x.yaml: empty, expected keys and values such as 'schema: 1'");
  EXPECT_EQ(parse_error("# nothing\n"), "x.yaml: empty, expected keys and values such as 'schema: 1'");
  EXPECT_EQ(parse_error("- a\n"), "x.yaml:1:1: expected keys and values such as 'schema: 1' at the top, got a list");
  EXPECT_EQ(parse_error("abc\n"), "x.yaml:1:1: expected keys and values such as 'schema: 1' at the top, got 'abc'");
}

TEST(ConfigDocument, RefusesKeysThatAreNoTexts) {
  EXPECT_EQ(parse_error("[a]: 1\n"), "x.yaml:1:1: a key that is a mapping or a list, or a bracket that is not closed");
  EXPECT_EQ(parse_error("{a: 1}: 1\n"),
            "x.yaml:1:1: a key that is a mapping or a list, or a bracket that is not closed");
  EXPECT_EQ(parse_error("~: 1\n"), "x.yaml:1:1: a key without a name");
  EXPECT_EQ(parse_error("'': 1\n"), "x.yaml:1:1: a key without a name");
  EXPECT_EQ(parse_error(repeated("k", 201) + ": 1\n"),
            "x.yaml:1:1: key '" + repeated("k", 60) + "...' is longer than 200 bytes");
}

TEST(ConfigDocument, RefusesTwoDocuments) {
  EXPECT_EQ(parse_error("a: 1\n---\nb: 2\n"), "x.yaml:1:1: holds more than one YAML document, keep one");
}

TEST(ConfigDocument, SaysWhereYamlIsBroken) {
  EXPECT_EQ(parse_error("a: 1\nb: [1, 2\nc: 3\n").substr(0, 30), "x.yaml:3:2: not valid YAML: en");
}

TEST(ConfigDocument, RefusesQuotedTextThatDoesNotEndOnItsLine) {
  const std::string problem = "a quoted text that does not end on its line, close it or use a block text (|)";

  EXPECT_EQ(parse_error("a: 'x\nb: 1\n"), "x.yaml:1:4: " + problem);
  EXPECT_EQ(parse_error("a: \"x\n  y\"\n"), "x.yaml:1:4: " + problem);
  EXPECT_EQ(parse_error("\xEF\xBB\xBF"
                        "a: ['it''s', \"\\\"\", 'x\n"),
            "x.yaml:1:20: " + problem);
}

TEST(ConfigDocument, RefusesEscapesThatTheParserReadsWrongly) {
  EXPECT_EQ(parse_error("a: \"x\\L\"\n"), "x.yaml:1:4: escape '\\L' (not supported), write \\u and four digits");
  EXPECT_EQ(parse_error("a: \"x\\\\L\"\n"), "(no error)");
}

TEST(ConfigDocument, RefusesMoreThanOneMegabyte) {
  EXPECT_EQ(parse_error("a: " + std::string(1 << 20, 'x')), "x.yaml: 1048579 bytes, more than the 1048576 allowed");
  EXPECT_EQ(parse_error("a: " + std::string((1 << 20) - 3, 'x')), "(no error)");
}

TEST(ConfigDocument, ReadsFilesAndNamesThem) {
  const auto folder = std::filesystem::temp_directory_path() / ("config_document_test_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  const auto file = folder / "a.yaml";
  std::ofstream(file) << "a: 1\n";

  const auto document = ConfigDocument::read(file);

  EXPECT_EQ(document.root().at("a").as_int(0, 2), 1);
  EXPECT_EQ(error_of([&] { document.root().allow_keys({"b"}); }).substr(0, file.string().size() + 5),
            file.string() + ":1:1:");
  EXPECT_EQ(error_of([&] { ConfigDocument::read(folder / "b.yaml"); }),
            (folder / "b.yaml").string() + ": cannot be read, is it there?");
  EXPECT_EQ(error_of([&] { ConfigDocument::read(folder); }), folder.string() + ": cannot be read, is it there?");
  EXPECT_EQ(error_of([&] { ConfigDocument::read("/dev/zero"); }), "/dev/zero: more than the 1048576 bytes allowed");
  std::filesystem::remove_all(folder);
}

TEST(ConfigDocument, WritesItselfInTheOrderOfTheDocument) {
  const auto document = ConfigDocument::parse(
      "z: 1\na: {c: [w2-g32, 'w4'], b: }\nrules: [{match: '*', options: [1, 2]}]\nn: \"3\"\nt: 'a: b'\ne: "
      "{}\nl: []\n",
      "x.yaml");

  EXPECT_EQ(document.resolved_text(),
            "z: 1\na:\n  c: [w2-g32, w4]\n  b: null\nrules:\n  - {match: \"*\", options: [1, 2]}\nn: "
            "\"3\"\nt: \"a: b\"\n"
            "e: {}\nl: []\n");
}

TEST(ConfigDocument, WritesTextThatParsesToTheSameDocument) {
  const std::string text =
      "plain: some words here\nnumbers: [1, -2.5e3, '7', .5, +3, 010, 0x1F]\nwords: [true, 'true', null, "
      "'null', ~, '~', no]\n"
      "quotes: \"tab\\t quote\\\" back\\\\ line\\n bell\\a next\\u0085 \\u2028 \\x7f\"\nblock: |\n  first\n  "
      "  second\n\nfolded: >-\n  a\n  b\n"
      "deep: {list: [[1, [2]], {a: {b: []}}], 'odd key: #': x, yes: 1, \"1\": 2}\n"
      "odd: ['', ' ', '- a', '-', '--- a', '...', '...', '# c', '&a', '*a', '!t', '%d', '@', '`', '{', ']', "
      "',', ':', '?', '<<']\n"
      "dots: ../up\nunicode: \"\\u00e4\\U0001F600 \xC3\xA4\"\nempty:\n";
  const auto document = ConfigDocument::parse(text, "x.yaml");

  const std::string written = document.resolved_text();
  const auto again = ConfigDocument::parse(written, "y.yaml");

  EXPECT_EQ(again.resolved_text(), written);
  EXPECT_EQ(again.root().text(), document.root().text());
  EXPECT_EQ(again.root().at("quotes").as_string(), document.root().at("quotes").as_string());
  EXPECT_EQ(again.root().at("block").as_string(), "first\n  second\n");
  EXPECT_EQ(again.root().at("unicode").as_string(), document.root().at("unicode").as_string());
  const auto odd = document.root().at("odd").as_list(), odd_again = again.root().at("odd").as_list();
  ASSERT_EQ(odd.size(), odd_again.size());
  for (std::size_t i = 0; i < odd.size(); ++i) EXPECT_EQ(odd[i].as_string(), odd_again[i].as_string());
}

}  // namespace pare::test
