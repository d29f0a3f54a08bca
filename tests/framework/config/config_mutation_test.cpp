// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "framework/config/config_document.hpp"
#include "kernels/core/error.hpp"

namespace pare::test {
namespace {

using framework::ConfigDocument;
using framework::ConfigView;

constexpr char valid_text[] = R"(# An experiment.
schema: 1
model:
  path: configs/model   # where
data: {calibration: self, windows: 64, length: 256}
options:
  - {match: "*", options: [w2-g32, 'w3-g32']}
  - match: "q\tproj"
    options: [w8a8]
ties: [[q, k, v], [gate, up]]
budget: {bits_per_weight: 3.5}
text: |
  two
  lines
folded: >-
  one
  line
empty:
)";

/// Bytes that mean something to YAML, to UTF-8, or to the parser's look-ahead.
const std::vector<std::string>& pieces() {
  static const std::vector<std::string> list = {
      "&a ",      "*a",          "<<: ",    "!!int ", "!",    "|",    ">",
      "%",        "---\n",       "...\n",   "? ",     ": ",   "- ",   "\n",
      "\t",       "[",           "]",       "{",      "}",    "'",    "\"",
      "\\",       "\\x0",        "\\uD800", "~",      "\xFF", "\xC3", "\xBC",
      "\x04",     "\x7F",        "\r",      "#",      ",",    "010",  "99999999",
      "@",        " ",           "  ",      "\\0",    "null", "a: ",  "\xEF\xBB\xBF",
      "\xC2\x85", "\xE2\x80\xA8"};
  return list;
}

std::string mutated(std::string text, std::mt19937& random) {
  const int edits = 1 + static_cast<int>(random() % 6);
  for (int i = 0; i < edits; ++i) {
    const std::size_t at = random() % (text.size() + 1);
    const std::size_t length = std::min<std::size_t>(random() % 12, text.size() - at);
    switch (random() % 5) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, pieces()[random() % pieces().size()]);
        break;
      case 2:
        text.insert(random() % (text.size() + 1), text.substr(at, length));
        break;
      case 3:
        text.replace(at, length, pieces()[random() % pieces().size()]);
        break;
      default:
        if (at < text.size()) text[at] = static_cast<char>(random());
    }
  }
  return text;
}

/// Reads every value in every way; each reading may fail with InputError alone.
void read_everything(const ConfigView& view) {
  const auto attempt = [](const auto& read) {
    try {
      read();
    } catch (const InputError&) {
    }
  };
  attempt([&] { view.as_string(); });
  attempt([&] { view.as_int(1, 8); });
  attempt([&] { view.as_double(0, 1); });
  attempt([&] { view.as_bool(); });
  attempt([&] { view.allow_keys({"path", "match"}); });
  attempt([&] { view.at("options"); });
  attempt([&] {
    for (const auto& [key, value] : view.items()) read_everything(value);
  });
  attempt([&] {
    for (const ConfigView& value : view.as_list()) read_everything(value);
  });
}

bool equal(const ConfigView& a, const ConfigView& b) {
  if (a.is_scalar() && b.is_scalar())
    return a.text() == b.text() && (a.text() == "null" || a.as_string() == b.as_string());
  if (a.is_mapping() != b.is_mapping() || a.is_list() != b.is_list()) return false;
  if (a.is_mapping()) {
    const auto left = a.items(), right = b.items();
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](const auto& x, const auto& y) { return x.first == y.first && equal(x.second, y.second); });
  }
  const auto left = a.as_list(), right = b.as_list();
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), equal);
}

}  // namespace

TEST(ConfigMutation, NeverCrashesAndKeepsTheRoundTrip) {
  std::mt19937 random(20240607);
  int accepted = 0;

  for (int i = 0; i < 20000; ++i) {
    const std::string text = mutated(valid_text, random);
    SCOPED_TRACE(text);
    try {
      const auto document = ConfigDocument::parse(text, "x.yaml");
      ++accepted;
      read_everything(document.root());
      const auto again = ConfigDocument::parse(document.resolved_text(), "y.yaml");
      EXPECT_EQ(again.resolved_text(), document.resolved_text());
      EXPECT_TRUE(equal(document.root(), again.root()));
    } catch (const InputError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("x.yaml")) << error.what();
    }
  }

  EXPECT_GT(accepted, 1000);
}

TEST(ConfigMutation, NeverCrashesOnOverrides) {
  std::mt19937 random(7);

  for (int i = 0; i < 20000; ++i) {
    const std::string text = mutated("data.windows={a: [1, 'x'], b: \"y\"}", random);
    auto document = ConfigDocument::parse(valid_text, "x.yaml");
    SCOPED_TRACE(text);
    try {
      document.apply_overrides({text}, {"data.calibration", "budget.bits_per_weight"});
      read_everything(document.root());
      const auto again = ConfigDocument::parse(document.resolved_text(), "y.yaml");
      EXPECT_TRUE(equal(document.root(), again.root()));
    } catch (const InputError& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with("--set ")) << error.what();
    }
  }
}

}  // namespace pare::test
