// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <optional>

#include "search/objective/compare_summary.hpp"
#include "search/store/compare_file.hpp"
#include "search/store/csv_text.hpp"

namespace pare::search {
namespace {

using csv::number;
using csv::quoted;

std::string interval(const std::optional<Interval>& interval) {
  return interval ? fmt::format("{},{},{}", number(interval->mean), number(interval->low), number(interval->high))
                  : ",,";
}

}  // namespace

std::string compare_csv(const CompareRecord& record) {
  std::string text =
      "budget,budget_bytes,algorithm,seed,kl_mean,kl_stderr,kl_low,kl_high,difference,difference_low,difference_high,"
      "tokens_asked,tokens_to_answer,tokens_to_evopress,seconds,bytes,perplexity\n";
  const CompareSummary summary = summarize(record);
  for (std::size_t c = 0; c < record.cells.size(); ++c) {
    const CompareCell& cell = record.cells[c];
    const CellSummary& each = summary.cells[c];
    const CompareBudget& budget = record.budgets[cell.budget];
    text += fmt::format("{},{},{},{},", quoted(budget.name), budget.bytes, cell.algorithm, cell.seed);
    text += fmt::format("{},{},{},{},{},", number(each.kl.mean), number(each.kl_stderr), number(each.kl.low),
                        number(each.kl.high), interval(each.over_reference));
    text += fmt::format("{},{},{},{},{},{}\n", cell.tokens_asked, cell.tokens_to_answer,
                        each.tokens_to_evopress ? fmt::format("{}", *each.tokens_to_evopress) : "",
                        number(cell.seconds), cell.bytes, number(cell.perplexity));
  }
  return text;
}

}  // namespace pare::search
