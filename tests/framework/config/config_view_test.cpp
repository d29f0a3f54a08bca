// SPDX-License-Identifier: Apache-2.0
#include "framework/config/config_view.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "framework/config/config_document.hpp"
#include "tests/framework/config/expect_error.hpp"

namespace pare::test {
namespace {

using framework::ConfigDocument;
using framework::ConfigView;

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

/// The error of reading the value of "a: <value>".
template <class Read>
std::string error_for(const std::string& value, const Read& read) {
  const ConfigView view = ConfigDocument::parse("a: " + value + "\n", "x.yaml").root().at("a");
  return error_of([&] { read(view); });
}

std::string int_error(const std::string& value, std::int64_t min = 1, std::int64_t max = 8) {
  return error_for(value, [&](const ConfigView& view) { view.as_int(min, max); });
}

std::string double_error(const std::string& value) {
  return error_for(value, [](const ConfigView& view) { view.as_double(0.5, 64); });
}

}  // namespace

TEST(ConfigView, NamesAMisspeltKeyWithLineAndColumn) {
  const auto document = ConfigDocument::parse("schema: 1\n\nbudget:\n  bits_per_wieght: 3\n", "configs/x.yaml");
  const ConfigView budget = document.root().at("budget");

  const std::string error = error_of([&] { budget.allow_keys({"same_as", "bits_per_weight", "bytes"}); });

  EXPECT_EQ(error,
            "configs/x.yaml:4:3: budget.bits_per_wieght: unknown key, did you mean 'bits_per_weight'? "
            "(known: same_as, bits_per_weight, bytes)");
}

TEST(ConfigView, NamesAnUnknownKeyThatResemblesNothing) {
  const auto document = ConfigDocument::parse("colour: 1\n", "x.yaml");

  EXPECT_EQ(error_of([&] { document.root().allow_keys({"model"}); }), "x.yaml:1:1: colour: unknown key (known: model)");
  EXPECT_EQ(error_of([&] { document.root().allow_keys({"model", "colour"}); }), "(no error)");
}

TEST(ConfigView, NamesTheParentOfAMissingKey) {
  const auto document = ConfigDocument::parse("schema: 1\n\nmodel:\n  name: a\nnone: {}\n", "configs/x.yaml");

  EXPECT_EQ(error_of([&] { document.root().at("model").at("path"); }),
            "configs/x.yaml:3:1: model: missing key 'path' (it has: name)");
  EXPECT_EQ(error_of([&] { document.root().at("none").at("path"); }),
            "configs/x.yaml:5:1: none: missing key 'path' (it is empty)");
  EXPECT_EQ(error_of([&] { document.root().at("output"); }),
            "configs/x.yaml:1:1: missing key 'output' (it has: schema, model, none)");
  EXPECT_FALSE(document.root().find("output").has_value());
}

TEST(ConfigView, ReadsScalars) {
  const auto document = ConfigDocument::parse("i: -7\nd: 2.5e-1\nb: true\ns: some words\nq: '12'\nn: 0\n", "x.yaml");
  const ConfigView root = document.root();

  EXPECT_EQ(root.at("i").as_int(-8, 8), -7);
  EXPECT_EQ(root.at("n").as_int(0, 0), 0);
  EXPECT_EQ(root.at("d").as_double(0, 1), 0.25);
  EXPECT_EQ(root.at("i").as_double(-10, 1), -7.0);
  EXPECT_TRUE(root.at("b").as_bool());
  EXPECT_EQ(root.at("s").as_string(), "some words");
  EXPECT_EQ(root.at("q").as_string(), "12");
  EXPECT_EQ(root.at("i").as_string(), "-7");
}

TEST(ConfigView, RefusesWhatIsNoWholeNumber) {
  const std::string expected = "x.yaml:1:4: a: expected a whole number between 1 and 8, got ";

  EXPECT_EQ(int_error("abc"), expected + "'abc'");
  EXPECT_EQ(int_error("9"), expected + "'9'");
  EXPECT_EQ(int_error("0"), expected + "'0'");
  EXPECT_EQ(int_error("2.0"), expected + "'2.0'");
  EXPECT_EQ(int_error("0x4"), expected + "'0x4'");
  EXPECT_EQ(int_error("1_0"), expected + "'1_0'");
  EXPECT_EQ(int_error("99999999999999999999"), expected + "'99999999999999999999'");
  EXPECT_EQ(int_error("'3'"), expected + "the text \"3\"");
  EXPECT_EQ(int_error("[3]"), "x.yaml:1:1: a: expected a whole number between 1 and 8, got a list");
  EXPECT_EQ(int_error("{b: 3}"), "x.yaml:1:1: a: expected a whole number between 1 and 8, got a mapping");
  EXPECT_EQ(int_error(""), "x.yaml:1:1: a: expected a whole number between 1 and 8, got nothing");
  EXPECT_EQ(int_error("-1", 0, no_limit), "x.yaml:1:4: a: expected a whole number of at least 0, got '-1'");
}

TEST(ConfigView, RefusesWholeNumbersThatLookOctal) {
  const std::string expected =
      "x.yaml:1:4: a: expected a whole number between 1 and 8 without leading zeros (they look octal), got ";

  EXPECT_EQ(int_error("010"), expected + "'010'");
  EXPECT_EQ(int_error("-007"), expected + "'-007'");
  EXPECT_EQ(double_error("010"),
            "x.yaml:1:4: a: expected a number between 0.5 and 64 without leading zeros (they look octal), "
            "got '010'");
}

TEST(ConfigView, RefusesWhatIsNoFiniteNumber) {
  const std::string expected = "x.yaml:1:4: a: expected a number between 0.5 and 64, got ";

  for (const std::string text : {"abc", "inf", "nan", "-nan", ".inf", ".nan", "1e999", "65", "0.4", "1.5x"}) {
    EXPECT_EQ(double_error(text), expected + "'" + text + "'");
  }
}

TEST(ConfigView, RefusesWhatIsNeitherTrueNorFalse) {
  const auto read = [](const ConfigView& view) { view.as_bool(); };

  EXPECT_EQ(error_for("yes", read), "x.yaml:1:4: a: expected true or false, got 'yes'");
  EXPECT_EQ(error_for("\"true\"", read), "x.yaml:1:4: a: expected true or false, got the text \"true\"");
}

TEST(ConfigView, RefusesTheWrongKindOfValue) {
  EXPECT_EQ(error_for("3", [](const ConfigView& view) { view.as_list(); }), "x.yaml:1:4: a: expected a list, got '3'");
  EXPECT_EQ(error_for("3", [](const ConfigView& view) { view.items(); }), "x.yaml:1:4: a: expected a mapping, got '3'");
  EXPECT_EQ(error_for("[]", [](const ConfigView& view) { view.find("b"); }),
            "x.yaml:1:1: a: expected a mapping, got a list");
  EXPECT_EQ(error_for("~", [](const ConfigView& view) { view.as_string(); }),
            "x.yaml:1:1: a: expected a text, got nothing");
  EXPECT_EQ(error_for("3", [](const ConfigView& view) { view.allow_keys({"b"}); }),
            "x.yaml:1:4: a: expected a mapping, got '3'");
}

TEST(ConfigView, ShortensAndCleansWhatItShows) {
  EXPECT_EQ(int_error(std::string(500, 'x')),
            "x.yaml:1:4: a: expected a whole number between 1 and 8, got '" + std::string(60, 'x') + "...'");
  EXPECT_EQ(int_error("\"\\e[31m\\n\""),
            "x.yaml:1:4: a: expected a whole number between 1 and 8, got the text \"?[31m?\"");
}

TEST(ConfigView, NamesEntriesOfListsByTheirNumber) {
  const auto document = ConfigDocument::parse("rules:\n  - {match: a}\n  - match: 7\n    n: x\n", "x.yaml");
  const auto rules = document.root().at("rules").as_list();

  EXPECT_EQ(error_of([&] { rules[1].at("n").as_int(1, 2); }),
            "x.yaml:4:8: rules[1].n: expected a whole number between 1 and 2, got 'x'");
  EXPECT_EQ(error_of([&] { rules[1].fail("is wrong"); }), "x.yaml:3:5: rules[1]: is wrong");
}

TEST(ConfigView, PlacesAnErrorOnlyOnce) {
  const auto document = ConfigDocument::parse("a: [1]\n", "x.yaml");
  const ConfigView a = document.root().at("a");

  const std::string inner = error_of([&] { a.as_string(); });
  const std::string outer = error_of([&] { a.fail(inner); });

  EXPECT_EQ(outer, "x.yaml:1:1: a: expected a text, got a list");
}

TEST(ConfigView, KeepsTheDocumentAlive) {
  const ConfigView view = ConfigDocument::parse("a: {b: [1, x]}\n", "x.yaml").root().at("a");

  EXPECT_EQ(view.at("b").as_list()[1].as_string(), "x");
}

TEST(ConfigView, ListsItemsInTheOrderOfTheDocument) {
  const auto items = ConfigDocument::parse("z: 1\na: 2\nm: {}\n", "x.yaml").root().items();

  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].first, "z");
  EXPECT_EQ(items[1].second.as_int(2, 2), 2);
  EXPECT_TRUE(items[2].second.is_mapping());
  EXPECT_TRUE(items[0].second.is_scalar());
}

TEST(ConfigView, WritesEquallyWhatWasWrittenDifferently) {
  const auto a = ConfigDocument::parse("a: {b: 'w3-g32', c: [x, 'y z']}\n", "x.yaml");
  const auto b = ConfigDocument::parse("a:\n  b: w3-g32   # three bits\n  \"c\":\n    - \"x\"\n    - y z\n", "y.yaml");

  EXPECT_EQ(a.root().at("a").text(), "{b: w3-g32, c: [x, \"y z\"]}");
  EXPECT_EQ(b.root().text(), a.root().text());
}

}  // namespace pare::test
