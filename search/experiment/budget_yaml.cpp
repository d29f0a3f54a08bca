// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/budget_yaml.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <string>

#include "framework/compression/option.hpp"
#include "framework/compression/stock_mixture.hpp"
#include "kernels/core/contract.hpp"
#include "kernels/quantize/block_format.hpp"
#include "search/experiment/at_place.hpp"

namespace pare::search {
namespace {

using framework::ConfigView;

constexpr std::int64_t no_limit = std::numeric_limits<std::int64_t>::max();

/// An option, or one of llama.cpp's mixtures.
SameAs read_same_as(const ConfigView& view) {
  const std::string name = view.as_string();
  if (framework::is_stock_mixture(name)) return {name};
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return at_place(view, [&] {
    const auto block = kernels::block_format_named(name);
    VALIDATE(block || !framework::is_stock_mixture(upper), "'", name,
             "' is no option (mixtures of llama.cpp are in upper case), did you mean '", upper, "'?");
    return SameAs{framework::parse_option(name).name()};
  });
}

BudgetRules read_rules(const ConfigView& view) {
  BudgetRules rules;
  if (const auto rule = view.find("same_as")) rules.bytes.emplace_back(read_same_as(*rule));
  if (const auto rule = view.find("bits_per_weight"))
    rules.bytes.emplace_back(BitsPerWeight{rule->as_double(0.01, 64)});
  if (const auto rule = view.find("bytes")) rules.bytes.emplace_back(Bytes{rule->as_int(1, no_limit)});
  if (const auto rule = view.find("ratio")) rules.bytes.emplace_back(Ratio{rule->as_double(1e-6, 1)});
  if (const auto rule = view.find("prefill_seconds")) rules.prefill_seconds = rule->as_double(1e-9, 1e6);
  if (const auto rule = view.find("decode_seconds")) rules.decode_seconds = rule->as_double(1e-9, 1e6);
  if (const auto rule = view.find("kv_bytes")) rules.kv_bytes = rule->as_int(0, no_limit);
  return rules;
}

BudgetRule front_point(const std::string& unit, double value) {
  if (unit == "ratio") return Ratio{value};
  if (unit == "bytes") return Bytes{static_cast<std::int64_t>(std::llround(value))};
  return BitsPerWeight{value};
}

/// `points` budgets from one size to another, evenly spaced; the other rules hold at each of them.
std::vector<BudgetRules> read_front(const ConfigView& front, const BudgetRules& others) {
  front.allow_keys({"from", "to", "points", "unit"});
  if (!others.bytes.empty())
    front.fail("a front is a size already, leave out same_as, bits_per_weight, bytes and ratio");
  std::string unit = "bits_per_weight";
  if (const auto x = front.find("unit")) unit = x->as_one_of({"bits_per_weight", "ratio", "bytes"});
  const double most = unit == "bytes" ? 1e18 : unit == "ratio" ? 1 : 64;
  const double from = front.at("from").as_double(1e-6, most);
  const double to = front.at("to").as_double(1e-6, most);
  if (!(from < to)) front.fail("from must be below to");
  const std::int64_t points = front.at("points").as_int(2, 1000);
  std::vector<BudgetRules> budgets;
  for (std::int64_t i = 0; i < points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(points - 1);
    // Two terms, so that both ends are exact.
    budgets.push_back(others);
    budgets.back().bytes.push_back(front_point(unit, (1 - share) * from + share * to));
  }
  return budgets;
}

}  // namespace

std::vector<BudgetRules> read_budgets(const ConfigView& view) {
  const std::vector<std::string> keys{"same_as",         "bits_per_weight", "bytes",   "ratio",
                                      "prefill_seconds", "decode_seconds",  "kv_bytes"};
  std::vector<BudgetRules> budgets;
  if (view.is_list()) {
    for (const ConfigView& entry : view.as_list()) {
      entry.allow_keys(keys);
      if (entry.items().empty()) entry.fail("limits nothing");
      budgets.push_back(read_rules(entry));
    }
    if (budgets.empty()) view.fail("no budgets, list at least one such as {bits_per_weight: 3.5}");
    if (budgets.size() > 1000) view.fail("more than 1000 budgets");
    return budgets;
  }
  std::vector<std::string> with_front = keys;
  with_front.push_back("front");
  view.allow_keys(with_front);
  if (view.items().empty()) view.fail("limits nothing, give at least one of bits_per_weight, bytes, ratio, same_as");
  const BudgetRules rules = read_rules(view);
  if (const auto front = view.find("front")) return read_front(*front, rules);
  return {rules};
}

/// What the limits beyond bytes are counted by, which must be there with them and only then.

BudgetRule read_size(const ConfigView& view) {
  view.allow_keys({"same_as", "bits_per_weight", "bytes", "ratio"});
  if (view.items().size() != 1) {
    view.fail("needs exactly one of same_as, bits_per_weight, bytes, ratio, has " +
              std::to_string(view.items().size()));
  }
  return read_rules(view).bytes.front();
}

}  // namespace pare::search
