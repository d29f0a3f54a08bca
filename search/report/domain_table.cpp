// SPDX-License-Identifier: Apache-2.0
#include "search/report/domain_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/core/contract.hpp"
#include "search/report/comparison.hpp"
#include "search/report/number_text.hpp"

namespace pare::search {
namespace {

/// The held-out windows of one domain.
std::vector<double> of_domain(const Objective& objective, const std::vector<double>& values, std::size_t domain) {
  EXPECT(values.size() == objective.holdout.size());
  std::vector<double> chosen;
  for (std::size_t w = 0; w < values.size(); ++w) {
    if (objective.holdout[w] == domain) chosen.push_back(values[w]);
  }
  return chosen;
}

}  // namespace

std::vector<DomainScore> domain_scores(const Objective& objective, const Contestant& contestant) {
  std::vector<DomainScore> scores;
  for (std::size_t d = 0; d < objective.domains.size(); ++d) {
    const std::vector<double> kl = of_domain(objective, contestant.window_kl, d);
    scores.push_back({.name = objective.domains[d].name,
                      .weight = objective.domains[d].weight,
                      .windows = std::ssize(kl),
                      .kl = estimate(kl),
                      .perplexity = std::exp(estimate(of_domain(objective, contestant.window_nll, d)).mean),
                      .accuracy = contestant.window_wrong.empty()
                                      ? std::nullopt
                                      : accuracy(of_domain(objective, contestant.window_wrong, d))});
  }
  return scores;
}

std::vector<double> domain_perplexities(const Objective& objective, const std::vector<double>& window_nll) {
  std::vector<double> perplexities;
  if (window_nll.empty()) return perplexities;
  for (std::size_t d = 0; d < objective.domains.size(); ++d) {
    perplexities.push_back(std::exp(estimate(of_domain(objective, window_nll, d)).mean));
  }
  return perplexities;
}

std::optional<double> accuracy(const std::vector<double>& window_wrong) {
  if (window_wrong.empty()) return std::nullopt;
  return 1 - estimate(window_wrong).mean;
}

std::string domain_table(const RunRecord& record) {
  const Verdict& verdict = *record.verdict;
  const Objective& objective = record.objective;
  const std::vector<DomainScore> winner = domain_scores(objective, verdict.contestants[verdict.winner]);
  if (winner.empty()) return {};
  std::vector<DomainScore> uniform;
  if (const auto over = compare_with_uniform(record); over && over->baseline != verdict.winner) {
    uniform = domain_scores(objective, verdict.contestants[over->baseline]);
  }
  const bool items = winner.front().accuracy.has_value();
  const std::vector<double> reference = domain_perplexities(objective, verdict.reference_window_nll);
  std::size_t width = std::string_view("domain").size();
  for (const DomainScore& each : winner) width = std::max(width, each.name.size());
  const auto scores = [items](const DomainScore& each) {
    return (items ? fmt::format("  {:>7.1f} %", 100 * each.accuracy.value_or(0)) : "") +
           fmt::format("  {:>10}", perplexity_text(each.perplexity));
  };
  const std::string head = (items ? fmt::format("  {:>9}", "accuracy") : "") + fmt::format("  {:>10}", "perplexity");

  std::string text =
      fmt::format("\n  {:<{}}  {:>7}  {:>21}{}", "domain", width, "windows", "KL +- standard error", head);
  if (!uniform.empty()) text += fmt::format("  {:>10}{}", "uniform KL", head);
  if (!reference.empty())
    text += (items ? fmt::format("  {:>10}", "full model") : "") +
            fmt::format("  {:>10}", items ? "perplexity" : "full model");
  for (std::size_t d = 0; d < winner.size(); ++d) {
    text += fmt::format("\n  {:<{}}  {:>7}  {:>9.5f} +- {:.6f}{}", winner[d].name, width, winner[d].windows,
                        winner[d].kl.mean, winner[d].kl.stderr_of_mean, scores(winner[d]));
    if (!uniform.empty()) text += fmt::format("  {:>10.5f}{}", uniform[d].kl.mean, scores(uniform[d]));
    if (reference.empty()) continue;
    if (items) {
      const auto right = accuracy(of_domain(objective, verdict.reference_window_wrong, d));
      text += fmt::format("  {:>8.1f} %", 100 * right.value_or(0));
    }
    text += fmt::format("  {:>10}", perplexity_text(reference[d]));
  }
  return text + "\n";
}

}  // namespace pare::search
