// SPDX-License-Identifier: Apache-2.0
#include "search/report/chosen_recipe.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "kernels/core/contract.hpp"

namespace pare::search {

const Recipe& chosen_recipe(const RunRecord& record, const std::string& budget) {
  EXPECT(record.verdict.has_value(), "no verdict");
  const Verdict& verdict = *record.verdict;
  if (budget.empty()) return verdict.contestants[verdict.winner].recipe;
  double wanted = 0;
  const auto [end, error] = std::from_chars(budget.data(), budget.data() + budget.size(), wanted);
  const bool is_number = error == std::errc{} && end == budget.data() + budget.size();
  std::string known;
  for (const FrontPoint& point : verdict.front) {
    const double bits = record.space.bits_per_weight(point.budget_bytes);
    // The table prints three decimals, the experiment may say fewer.
    if (is_number && std::abs(bits - wanted) <= 0.00051) return verdict.contestants[point.winner].recipe;
    known += fmt::format("{}{:.3f}", known.empty() ? "" : ", ", bits);
  }
  throw InputError("--budget " + budget + ": " +
                   (known.empty() ? "this run has one budget, leave it out"
                                  : "the run has no such budget (there are, in bits a weight: " + known + ")"));
}

}  // namespace pare::search
