// SPDX-License-Identifier: Apache-2.0
#include "search/space/budget_rule.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "framework/config/near_name.hpp"
#include "kernels/core/contract.hpp"
#include "search/space/mixture.hpp"

namespace pare::search {
namespace {

std::string number(double value) {
  std::ostringstream text;
  text << std::setprecision(10) << value;
  return text.str();
}

/// A bound as a user can type it: four decimals, rounded so that typing it is accepted.
std::string at_least(double value) {
  return number(std::ceil(value * 1e4 - 1e-9) / 1e4);
}
std::string at_most(double value) {
  return number(std::floor(value * 1e4 + 1e-9) / 1e4);
}

/// A rule spoken of in its own unit: "bits: 1.5", "at least 2.5 bits a weight".
struct Wording {
  std::string rule;
  std::int64_t bytes;
  std::string smallest;
  std::string largest;
};

Wording word(const SearchSpace& space, const BitsPerWeight& rule) {
  VALIDATE(std::isfinite(rule.bits) && rule.bits > 0, "budget bits: ", rule.bits,
           " (it must be a positive number), for example 3.5");
  const double bytes = rule.bits * static_cast<double>(space.weights()) / 8;
  return {"bits: " + number(rule.bits), static_cast<std::int64_t>(std::floor(bytes + 1e-6)),
          at_least(space.bits_per_weight(space.smallest_bytes())) + " bits",
          at_most(space.bits_per_weight(space.largest_bytes())) + " bits"};
}

Wording word(const SearchSpace&, const Bytes& rule) {
  return {"bytes: " + std::to_string(rule.bytes), rule.bytes, "", ""};
}

Wording word(const SearchSpace& space, const Ratio& rule) {
  VALIDATE(std::isfinite(rule.ratio) && rule.ratio > 0, "budget ratio: ", rule.ratio,
           " (it must be a positive number), for example 0.25");
  const double original = static_cast<double>(space.original_bytes());
  return {"ratio: " + number(rule.ratio), static_cast<std::int64_t>(std::floor(rule.ratio * original + 1e-6)),
          at_least(static_cast<double>(space.smallest_bytes()) / original),
          at_most(static_cast<double>(space.largest_bytes()) / original)};
}

Wording word(const SearchSpace& space, const SameAs& rule) {
  const std::optional<Recipe> recipe = named_recipe(space, rule.option);
  if (!recipe) {
    if (const std::string missing = missing_text(space, rule.option); !missing.empty()) {
      throw InputError("budget same_as: " + rule.option + " (not everything it is made of is offered), it lacks " +
                       missing);
    }
    const std::vector<std::string> known = space.uniform_options();
    VALIDATE(!known.empty(), "budget same_as: ", rule.option,
             " (no option is offered at every site), give the budget in bits, bytes or as a ratio");
    std::string list;
    for (const std::string& name : known) list += (list.empty() ? "" : ", ") + name;
    throw InputError("budget same_as: " + rule.option + " (not offered at every site)" +
                     framework::did_you_mean(rule.option, known) + " (known: " + list + ")");
  }
  return {"same_as: " + rule.option, space.bytes(*recipe), "", ""};
}

/// The most bytes that a rule allows. Throws InputError when no recipe fits, and, if that would leave nothing to
/// search, when every one does.
std::int64_t resolve(const SearchSpace& space, const BudgetRule& rule, bool must_bind) {
  const Wording wording = std::visit([&](const auto& each) { return word(space, each); }, rule);
  const std::string amount = wording.smallest.empty() ? "" : ", that is " + std::to_string(wording.bytes) + " bytes";
  const auto bound = [&](const std::string& unit, std::int64_t bytes) {
    return unit.empty() ? std::to_string(bytes) + " bytes" : unit + " (" + std::to_string(bytes) + " bytes)";
  };
  VALIDATE(wording.bytes >= space.smallest_bytes(), "budget ", wording.rule, amount,
           " (no recipe fits), the smallest possible is ", bound(wording.smallest, space.smallest_bytes()));
  VALIDATE(!must_bind || wording.bytes <= space.largest_bytes(), "budget ", wording.rule, amount,
           " (every recipe fits: there is nothing to search), the largest recipe is ",
           bound(wording.largest, space.largest_bytes()));
  return wording.bytes;
}

}  // namespace

std::int64_t resolve_budget(const SearchSpace& space, const BudgetRule& rule) {
  return resolve(space, rule, true);
}

Budget resolve_budget(const SearchSpace& space, const BudgetRules& rules) {
  Budget budget(space.largest_bytes());
  const bool alone = rules.bytes.size() == 1 && !rules.limits_more_than_bytes();
  for (const BudgetRule& rule : rules.bytes) budget.bytes = std::min(budget.bytes, resolve(space, rule, alone));
  const auto seconds = [](double value) { return static_cast<std::int64_t>(std::floor(value * 1e12 + 0.5)); };
  for (const Measure& measure : space.measures) {
    std::int64_t& limit = budget.limits.emplace_back(Budget::unlimited);
    if (measure.name == "prefill_seconds" && rules.prefill_seconds) limit = seconds(*rules.prefill_seconds);
    if (measure.name == "decode_seconds" && rules.decode_seconds) limit = seconds(*rules.decode_seconds);
    if (measure.name == "kv_bytes" && rules.kv_bytes) limit = *rules.kv_bytes;
  }
  return budget;
}

}  // namespace pare::search
