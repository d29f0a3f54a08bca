// SPDX-License-Identifier: Apache-2.0
#include "search/report/run_comparison.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/contract.hpp"
#include "search/objective/statistics.hpp"

namespace pare::search {
namespace {

/// Budgets and their winners, ascending.
std::vector<std::pair<std::int64_t, std::size_t>> winners_of(const Verdict& verdict) {
  if (verdict.front.empty()) return {{verdict.budget_bytes, verdict.winner}};
  std::vector<std::pair<std::int64_t, std::size_t>> winners;
  for (const FrontPoint& point : verdict.front) winners.emplace_back(point.budget_bytes, point.winner);
  return winners;
}

std::string fact(const RunRecord& record, const std::string& key) {
  const auto found = std::ranges::find(record.provenance, key, &std::pair<std::string, std::string>::first);
  return found == record.provenance.end() ? "" : found->second;
}

void check(const std::vector<NamedRun>& runs) {
  VALIDATE(runs.size() >= 2, "a comparison needs two runs, there is ", runs.size());
  const NamedRun& first = runs.front();
  for (const NamedRun& run : runs) {
    VALIDATE(run.record.verdict, run.name, ": the search has no verdict yet, run it to its end");
    VALIDATE(fact(run.record, "model_hash") == fact(first.record, "model_hash"), run.name, " and ", first.name,
             ": are runs of different models (", fact(run.record, "model"), " and ", fact(first.record, "model"),
             "), whose losses say nothing about each other");
  }
}

/// The full model's loss may differ in the last digits between instruction sets, and by far more between texts.
bool same_text(const RunRecord& a, const RunRecord& b) {
  constexpr double tolerance = 1e-4;
  const std::vector<double>& of_a = a.verdict->reference_window_nll;
  const std::vector<double>& of_b = b.verdict->reference_window_nll;
  if (of_a.empty() || a.window_length != b.window_length) return false;
  return std::ranges::equal(of_a, of_b,
                            [](double x, double y) { return std::abs(x - y) <= tolerance * (1 + std::abs(x)); });
}

/// a - b
std::optional<LossDifference> kl_difference(const Contestant& a, const Contestant& b, bool paired) {
  const std::size_t fewest = std::min(a.window_kl.size(), b.window_kl.size());
  if (fewest < 2) return std::nullopt;
  const Estimate difference =
      paired ? paired_difference(a.window_kl, b.window_kl) : unpaired_difference(a.window_kl, b.window_kl);
  // Without pairs, the degrees of freedom of the smaller sample: never too narrow.
  return LossDifference{difference.mean, interval_half_width(difference, fewest, 0.95)};
}

void compare_recipes(const RunRecord& a, const Recipe& of_a, const RunRecord& b, const Recipe& of_b,
                     RunDifference& difference) {
  if (!std::ranges::equal(a.space.sites, b.space.sites, {}, &SearchSite::name, &SearchSite::name)) return;
  std::size_t sites = 0;
  for (std::size_t s = 0; s < of_a.size(); ++s) {
    const SearchSite& site = a.space.sites[s];
    if (site.options[of_a[s]].name == b.space.sites[s].options[of_b[s]].name) continue;
    ++sites;
    ++difference.by_kind[site.kind];
  }
  difference.sites_that_differ = sites;
}

}  // namespace

RunComparison compare_runs(std::vector<NamedRun> runs) {
  check(runs);
  RunComparison comparison{.runs = std::move(runs), .budgets = {}, .warnings = {}};
  const RunRecord& first = comparison.runs.front().record;
  std::vector<bool> paired;
  for (const NamedRun& run : comparison.runs) {
    paired.push_back(same_text(first, run.record));
    if (!paired.back())
      comparison.warnings.push_back(run.name + ": is not known to have the held-out windows of " +
                                    comparison.runs.front().name + "; intervals are not paired, and wider");
  }
  for (const auto& [bytes, winner] : winners_of(*first.verdict)) {
    ComparedBudget budget{.bytes = bytes, .winner = winner, .others = {}};
    for (std::size_t r = 1; r < comparison.runs.size(); ++r) {
      const RunRecord& other = comparison.runs[r].record;
      for (const auto& [other_bytes, other_winner] : winners_of(*other.verdict)) {
        if (other_bytes != bytes) continue;
        const Contestant& mine = first.verdict->contestants[winner];
        const Contestant& theirs = other.verdict->contestants[other_winner];
        RunDifference difference{.run = r, .winner = other_winner};
        difference.paired = paired[r];
        difference.kl = kl_difference(theirs, mine, paired[r]);
        compare_recipes(first, mine.recipe, other, theirs.recipe, difference);
        budget.others.push_back(std::move(difference));
      }
    }
    if (!budget.others.empty()) comparison.budgets.push_back(std::move(budget));
  }
  VALIDATE(!comparison.budgets.empty(), comparison.runs.front().name, " and the other ",
           comparison.runs.size() > 2 ? "runs have" : "run have", " no budget in common; ",
           comparison.runs.front().name, " has ", winners_of(*first.verdict).front().first, " bytes, ",
           comparison.runs[1].name, " has ", winners_of(*comparison.runs[1].record.verdict).front().first);
  return comparison;
}

}  // namespace pare::search
