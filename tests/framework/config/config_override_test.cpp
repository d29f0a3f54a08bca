// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "framework/config/config_document.hpp"
#include "tests/framework/config/expect_error.hpp"

namespace pare::test {
namespace {

using framework::ConfigDocument;

constexpr char document_text[] =
    "model: {path: m}\nbudget: {same_as: w3-g32}\nsearch: {algorithm: pare, seed: 1}\noptions: [w2, "
    "w3]\nempty:\n";

ConfigDocument with(const std::vector<std::string>& overrides) {
  auto document = ConfigDocument::parse(document_text, "x.yaml");
  document.apply_overrides(overrides, {"budget.same_as", "budget.bits_per_weight", "budget.bytes", "budget.ratio"});
  return document;
}

std::string override_error(const std::string& text) {
  return error_of([&] { with({text}); });
}

}  // namespace

TEST(ConfigOverride, ReplacesAValueAndKeepsItsSiblings) {
  EXPECT_EQ(with({"search.seed=7"}).root().at("search").text(), "{algorithm: pare, seed: 7}");
  EXPECT_EQ(with({"search.tokens=9"}).root().at("search").text(), "{algorithm: pare, seed: 1, tokens: 9}");
}

TEST(ConfigOverride, DropsTheSiblingsThatSayTheSameInAnotherWay) {
  EXPECT_EQ(with({"budget.bits_per_weight=3.5"}).root().at("budget").text(), "{bits_per_weight: 3.5}");
  EXPECT_EQ(with({"budget.bytes=5", "budget.ratio=0.25"}).root().at("budget").text(), "{ratio: 0.25}");
  EXPECT_EQ(with({"budget.seconds=2", "budget.bytes=5"}).root().at("budget").text(), "{seconds: 2, bytes: 5}");
  EXPECT_EQ(with({"budget.same_as=w4-g32"}).root().at("budget").text(), "{same_as: w4-g32}");
}

TEST(ConfigOverride, CreatesWhatIsMissingAtTheEnd) {
  EXPECT_EQ(with({"new.a.b=1", "new.a.c=2"}).root().at("new").text(), "{a: {b: 1, c: 2}}");
  EXPECT_EQ(with({"empty.a=1"}).root().at("empty").text(), "{a: 1}");
  EXPECT_EQ(with({"new=1"}).root().items().back().first, "new");
}

TEST(ConfigOverride, ReadsTheValueAsYaml) {
  EXPECT_EQ(with({"options=[w4-g32, 'w 8']"}).root().at("options").text(), "[w4-g32, \"w 8\"]");
  EXPECT_EQ(with({"search={seed: 3}"}).root().at("search").text(), "{seed: 3}");
  EXPECT_EQ(with({"model.path=a=b"}).root().at("model").at("path").as_string(), "a=b");
  EXPECT_EQ(with({"model.path=''"}).root().at("model").at("path").as_string(), "");
}

TEST(ConfigOverride, NamesTheOverrideInLaterErrors) {
  const auto document = with({"search.seed=abc", "budgt.bytes=5", "search.list=[1, x]"});

  EXPECT_EQ(error_of([&] { document.root().at("search").at("seed").as_int(1, 8); }),
            "--set search.seed=abc: search.seed: expected a whole number between 1 and 8, got 'abc'");
  EXPECT_EQ(error_of([&] { document.root().at("search").at("list").as_list()[1].as_int(1, 8); }),
            "--set search.list=[1, x]: search.list[1]: expected a whole number between 1 and 8, got 'x'");
  EXPECT_EQ(error_of([&] {
              document.root().allow_keys({"model", "budget", "search", "options", "empty"});
            }),
            "--set budgt.bytes=5: budgt: unknown key, did you mean 'budget'? (known: model, budget, search, "
            "options, empty)");
  EXPECT_EQ(error_of([&] { document.root().at("search").at("algorithm").as_int(1, 8); }),
            "x.yaml:3:21: search.algorithm: expected a whole number between 1 and 8, got 'pare'");
}

TEST(ConfigOverride, RefusesWhatIsNoOverride) {
  EXPECT_EQ(override_error("search.seed"), "--set search.seed: expected <key path>=<value> such as search.seed=2");
  EXPECT_EQ(override_error("=2"), "--set =2: expected <key path>=<value> such as search.seed=2");
  EXPECT_EQ(override_error(""), "--set : expected <key path>=<value> such as search.seed=2");
  EXPECT_EQ(override_error("search..seed=2"),
            "--set search..seed=2: an empty key before '=', expected such as search.seed=2");
  EXPECT_EQ(override_error("search.=2"), "--set search.=2: an empty key before '=', expected such as search.seed=2");
  EXPECT_EQ(override_error("search.seed="), "--set search.seed=: no value after '=' (write '' for an empty text)");
}

TEST(ConfigOverride, RefusesKeysBelowWhatHasNone) {
  EXPECT_EQ(override_error("model.path.x=1"), "--set model.path.x=1: model.path is a single value and has no keys");
  EXPECT_EQ(override_error("options.0=w4"), "--set options.0=w4: options is a list, set it as a whole");
}

TEST(ConfigOverride, AppliesTheRulesOfDocumentsToTheValue) {
  EXPECT_EQ(override_error("a={b: 1, b: 2}"), "--set a={b: 1, b: 2}: key 'b' is given twice, keep one");
  EXPECT_EQ(override_error("a=&x 1"),
            "--set a=&x 1: anchor '&x' (anchors and aliases are not supported), write the value out");
  EXPECT_EQ(override_error("a=[1, 2"),
            "--set a=[1, 2: a key that is a mapping or a list, or a bracket that is not closed");
  EXPECT_EQ(override_error("a=\xFF"), "--set a=?: not valid UTF-8, save the text as UTF-8");
  EXPECT_EQ(override_error("\xFF=1"), "--set ?=1: not valid UTF-8, save the text as UTF-8");
  std::string deep = "a";
  for (int i = 0; i < 31; ++i) deep += ".a";
  EXPECT_EQ(override_error(deep + "=1"), "(no error)");
  EXPECT_EQ(override_error(deep + "=[1]").substr(66), "...: nested deeper than 32 levels");
}

TEST(ConfigOverride, ChangesNothingWhenOneOfThemIsWrong) {
  auto document = ConfigDocument::parse(document_text, "x.yaml");
  const std::string before = document.resolved_text();

  const std::string error = error_of([&] { document.apply_overrides({"search.seed=2", "nonsense"}, {}); });

  EXPECT_NE(error, "(no error)");
  EXPECT_EQ(document.resolved_text(), before);
}

TEST(ConfigOverride, ShowsInTheResolvedText) {
  EXPECT_EQ(with({"budget.ratio=0.5", "search.seed=2"}).resolved_text(),
            "model:\n  path: m\nbudget:\n  ratio: 0.5\nsearch:\n  algorithm: pare\n  seed: 2\noptions: [w2, w3]\n"
            "empty: null\n");
}

}  // namespace pare::test
