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
                      .perplexity = std::exp(estimate(of_domain(objective, contestant.window_nll, d)).mean)});
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

std::string domain_table(const RunRecord& record) {
  const Verdict& verdict = *record.verdict;
  const std::vector<DomainScore> winner = domain_scores(record.objective, verdict.contestants[verdict.winner]);
  if (winner.empty()) return {};
  std::vector<DomainScore> uniform;
  if (const auto over = compare_with_uniform(record); over && over->uniform != verdict.winner) {
    uniform = domain_scores(record.objective, verdict.contestants[over->uniform]);
  }
  const std::vector<double> reference = domain_perplexities(record.objective, verdict.reference_window_nll);
  std::size_t width = std::string_view("domain").size();
  for (const DomainScore& each : winner) width = std::max(width, each.name.size());

  std::string text = fmt::format("\n  {:<{}}  {:>7}  {:>21}  {:>10}", "domain", width, "windows",
                                 "KL +- standard error", "perplexity");
  if (!uniform.empty()) text += fmt::format("  {:>10}  {:>10}", "uniform KL", "perplexity");
  text += reference.empty() ? "\n" : fmt::format("  {:>10}\n", "full model");
  for (std::size_t d = 0; d < winner.size(); ++d) {
    text += fmt::format("  {:<{}}  {:>7}  {:>9.5f} +- {:.6f}  {:>10}", winner[d].name, width, winner[d].windows,
                        winner[d].kl.mean, winner[d].kl.stderr_of_mean, perplexity_text(winner[d].perplexity));
    if (!uniform.empty())
      text += fmt::format("  {:>10.5f}  {:>10}", uniform[d].kl.mean, perplexity_text(uniform[d].perplexity));
    text += reference.empty() ? "\n" : fmt::format("  {:>10}\n", perplexity_text(reference[d]));
  }
  return text;
}

}  // namespace pare::search
