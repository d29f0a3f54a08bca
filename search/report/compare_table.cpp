// SPDX-License-Identifier: Apache-2.0
#include "search/report/compare_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "search/objective/compare_summary.hpp"
#include "search/report/number_text.hpp"

namespace pare::search {
namespace {

/// Four significant digits: losses of a comparison lie decades apart.
std::string kl_text(double kl) {
  return fmt::format("{:.4g}", kl);
}

std::string share_text(const std::optional<double>& share) {
  if (!share) return "";
  return std::isinf(*share) ? "never" : fmt::format("{:.0f} %", 100 * *share);
}

std::string pair_text(const CompareRow& row) {
  if (!row.worst_pair) return "";
  const Interval& pair = *row.worst_pair;
  return fmt::format("{:+.4g} [{:+.4g}, {:+.4g}]{}", pair.mean, pair.low, pair.high, pair.high < 0 ? "  worse" : "");
}

std::string block(const CompareRecord& record, const CompareSummary& summary, std::size_t b) {
  const CompareBudget& budget = record.budgets[b];
  std::string text =
      fmt::format("\n{}: {} bytes, {:.3f} bits per weight", budget.name, grouped(budget.bytes), budget.bits_per_weight);
  if (budget.uniform) {
    text += fmt::format("; {} has KL {}", budget.uniform->name, kl_text(estimate(budget.uniform->window_kl).mean));
  }
  std::size_t width = std::string_view("algorithm").size();
  for (const std::string& algorithm : record.algorithms) width = std::max(width, algorithm.size());
  text += fmt::format("\n  {:<{}}  {:>9}  {:>20}  {:>7}  {:>12}  {:>8}  {:>8}  {}\n", "algorithm", width, "median KL",
                      "least .. largest", "ratio", "tokens", "seconds", "reach",
                      "KL less " + summary.reference + "'s, worst seed [95 %]");
  for (const CompareRow& row : summary.rows) {
    if (row.budget != b) continue;
    std::string line =
        fmt::format("  {:<{}}  {:>9}  {:>20}  {:>7}  {:>12}  {:>8}  {:>8}  {}", row.algorithm, width,
                    kl_text(row.median_kl), kl_text(row.least_kl) + " .. " + kl_text(row.largest_kl),
                    row.ratio ? fmt::format("{:.3f}", *row.ratio) : "", grouped(static_cast<std::int64_t>(row.tokens)),
                    std::isnan(row.seconds) ? "" : fmt::format("{:.1f}", row.seconds),
                    share_text(row.share_of_evopress), pair_text(row));
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string goals_text(const CompareRecord& record, const CompareSummary& summary) {
  const CompareGoals& goals = summary.goals;
  const std::string& reference = summary.reference;
  if (goals.pairs == 0) return "";
  std::string text =
      fmt::format("\n{} is above the interval of a rival in {} of {} pairs; worse by the paired interval in {}.\n",
                  reference, goals.above_interval, goals.pairs, goals.worse);
  std::string list;
  for (const CompareGoals::Ratio& each : goals.ratios) {
    list += fmt::format("{}{:.3f} ({}, {})", list.empty() ? "" : ", ", each.ratio, each.rival,
                        record.budgets[each.budget].name);
  }
  if (!list.empty()) text += fmt::format("Its median KL against the best rival's: {}.\n", list);
  list.clear();
  for (const double share : goals.shares) list += (list.empty() ? "" : ", ") + share_text(share);
  if (!list.empty())
    text += fmt::format("As good as evopress in the end with this share of evopress' tokens: {}.\n", list);
  return text;
}

}  // namespace

std::string compare_table(const CompareRecord& record) {
  const CompareSummary summary = summarize(record);
  std::string seeds;
  for (const std::uint64_t seed : record.seeds) seeds += fmt::format("{}{}", seeds.empty() ? "" : ", ", seed);
  std::string text = fmt::format(
      "{} tokens each on {} search windows of {} tokens, judged on {} held-out windows; seeds {}\n"
      "ratio: of the medians, to {}. reach: tokens until an answer was as good, held out, as evopress' last, "
      "as a share of evopress' own\n",
      grouped(record.tokens), record.search_windows, record.window_length, record.holdout_windows, seeds,
      summary.reference);
  for (std::size_t b = 0; b < record.budgets.size(); ++b) text += block(record, summary, b);
  text += goals_text(record, summary);
  const std::size_t planned = record.budgets.size() * record.seeds.size() * record.algorithms.size();
  return text + (record.digest.empty() ? fmt::format("\n{} of {} cells are done.\n", record.cells.size(), planned)
                                       : fmt::format("\nDigest  {}\n", record.digest));
}

}  // namespace pare::search
