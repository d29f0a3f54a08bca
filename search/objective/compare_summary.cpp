// SPDX-License-Identifier: Apache-2.0
#include "search/objective/compare_summary.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace pare::search {
namespace {

// The rivals that know something of the space or of what it costs; random search is the floor, exhaustive the truth.
constexpr std::array informed_rivals{"evopress", "greedy", "ilp", "nsga2", "tpe"};
constexpr double never = std::numeric_limits<double>::infinity();

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

const CompareCell* find_cell(const CompareRecord& record, std::size_t budget, const std::string& algorithm,
                             std::uint64_t seed) {
  for (const CompareCell& cell : record.cells) {
    if (cell.budget == budget && cell.algorithm == algorithm && cell.seed == seed) return &cell;
  }
  return nullptr;
}

CellSummary summarize_cell(const CompareRecord& record, const std::string& reference, const CompareCell& cell) {
  CellSummary summary;
  const Estimate kl = estimate(cell.window_kl);
  summary.kl = interval_of(kl, cell.window_kl.size());
  summary.kl_stderr = kl.stderr_of_mean;
  const CompareCell* other = find_cell(record, cell.budget, reference, cell.seed);
  if (other != nullptr && cell.algorithm != reference) {
    summary.over_reference = interval_of(paired_difference(cell.window_kl, other->window_kl), cell.window_kl.size());
  }
  if (const CompareCell* evopress = find_cell(record, cell.budget, "evopress", cell.seed)) {
    const double goal = estimate(evopress->window_kl).mean;
    const auto reached = std::find_if(cell.trajectory.begin(), cell.trajectory.end(),
                                      [&](const ComparePoint& point) { return point.kl.mean <= goal; });
    if (reached != cell.trajectory.end()) summary.tokens_to_evopress = reached->tokens;
  }
  return summary;
}

/// Share of evopress' tokens for one cell; nothing where evopress is not there or answered before it had asked.
std::optional<double> share_of(const CompareRecord& record, const CompareCell& cell, const CellSummary& summary) {
  const CompareCell* evopress = find_cell(record, cell.budget, "evopress", cell.seed);
  if (evopress == nullptr || evopress->tokens_to_answer == 0) return std::nullopt;
  if (!summary.tokens_to_evopress) return never;
  return static_cast<double>(*summary.tokens_to_evopress) / static_cast<double>(evopress->tokens_to_answer);
}

std::optional<CompareRow> make_row(const CompareRecord& record, const CompareSummary& summary, std::size_t budget,
                                   const std::string& algorithm) {
  CompareRow row{.budget = budget, .algorithm = algorithm, .ratio = {}, .share_of_evopress = {}, .worst_pair = {}};
  std::vector<double> kl;
  std::vector<double> tokens;
  std::vector<double> seconds;
  std::vector<double> shares;
  for (std::size_t c = 0; c < record.cells.size(); ++c) {
    const CompareCell& cell = record.cells[c];
    if (cell.budget != budget || cell.algorithm != algorithm) continue;
    const CellSummary& each = summary.cells[c];
    kl.push_back(each.kl.mean);
    tokens.push_back(static_cast<double>(cell.tokens_asked));
    if (!std::isnan(cell.seconds)) seconds.push_back(cell.seconds);
    if (const auto share = share_of(record, cell, each)) shares.push_back(*share);
    if (each.over_reference && (!row.worst_pair || each.over_reference->high < row.worst_pair->high)) {
      row.worst_pair = each.over_reference;
      row.worst_seed = cell.seed;
    }
  }
  if (kl.empty()) return std::nullopt;
  row.median_kl = median(kl);
  row.least_kl = *std::min_element(kl.begin(), kl.end());
  row.largest_kl = *std::max_element(kl.begin(), kl.end());
  row.tokens = median(tokens);
  row.seconds = seconds.empty() ? std::nan("") : median(seconds);
  if (!shares.empty()) row.share_of_evopress = median(shares);
  return row;
}

CompareGoals judge_goals(const CompareRecord& record, const CompareSummary& summary) {
  CompareGoals goals;
  for (std::size_t c = 0; c < record.cells.size(); ++c) {
    const CellSummary& rival = summary.cells[c];
    if (!rival.over_reference) continue;
    ++goals.pairs;
    if (rival.kl.mean - rival.over_reference->mean > rival.kl.high) ++goals.above_interval;
    if (rival.over_reference->high < 0) ++goals.worse;
  }
  for (std::size_t budget = 0; budget < record.budgets.size(); ++budget) {
    const CompareRow* reference = nullptr;
    const CompareRow* best = nullptr;
    for (const CompareRow& row : summary.rows) {
      if (row.budget != budget) continue;
      if (row.algorithm == summary.reference) {
        reference = &row;
      } else if (std::find(informed_rivals.begin(), informed_rivals.end(), row.algorithm) != informed_rivals.end() &&
                 (best == nullptr || row.median_kl < best->median_kl)) {
        best = &row;
      }
    }
    if (reference == nullptr) continue;
    if (best != nullptr) goals.ratios.push_back({budget, best->algorithm, reference->median_kl / best->median_kl});
    if (reference->share_of_evopress && summary.reference != "evopress") {
      goals.shares.push_back(*reference->share_of_evopress);
    }
  }
  return goals;
}

}  // namespace

Interval interval_of(const Estimate& estimate, std::size_t windows) {
  const double half_width = interval_half_width(estimate, windows, 0.95);
  return {estimate.mean, estimate.mean - half_width, estimate.mean + half_width};
}

CompareSummary summarize(const CompareRecord& record) {
  CompareSummary summary;
  const bool has_pare =
      std::find(record.algorithms.begin(), record.algorithms.end(), "pare") != record.algorithms.end();
  summary.reference = has_pare ? "pare" : record.algorithms.front();
  for (const CompareCell& cell : record.cells) {
    summary.cells.push_back(summarize_cell(record, summary.reference, cell));
  }
  for (std::size_t budget = 0; budget < record.budgets.size(); ++budget) {
    const std::size_t first = summary.rows.size();
    for (const std::string& algorithm : record.algorithms) {
      if (const auto row = make_row(record, summary, budget, algorithm)) summary.rows.push_back(*row);
    }
    const auto reference = std::find_if(summary.rows.begin() + static_cast<std::ptrdiff_t>(first), summary.rows.end(),
                                        [&](const CompareRow& row) { return row.algorithm == summary.reference; });
    if (reference == summary.rows.end()) continue;
    const double median_kl = reference->median_kl;
    for (std::size_t r = first; r < summary.rows.size(); ++r) {
      summary.rows[r].ratio = summary.rows[r].median_kl / median_kl;
    }
  }
  summary.goals = judge_goals(record, summary);
  return summary;
}

}  // namespace pare::search
