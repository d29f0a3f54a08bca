// SPDX-License-Identifier: Apache-2.0
#include "search/objective/window_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

// Less than a single wrong answer among as many items.
constexpr double tie_break = 1e-4;

/// The domain with the largest mean, the first of equals; EXPECTs one with windows.
std::size_t worst_of(const std::vector<std::vector<double>>& domains) {
  double most = -std::numeric_limits<double>::infinity();
  std::size_t worst = domains.size();
  for (std::size_t d = 0; d < domains.size(); ++d) {
    if (domains[d].empty()) continue;
    const double mean = estimate(domains[d]).mean;
    if (worst < domains.size() && !(mean > most)) continue;
    most = mean;
    worst = d;
  }
  EXPECT(worst < domains.size());
  return worst;
}

bool all_empty(const std::vector<std::vector<double>>& domains) {
  return std::ranges::all_of(domains, [](const auto& each) { return each.empty(); });
}

}  // namespace

WindowLoss::WindowLoss(const Objective& objective, WindowSet set) : metric_(objective.metric) {
  if (objective.combine == Combine::mean || objective.domains.size() < 2) return;
  domains_ = objective.windows(set);
  domain_count_ = objective.domains.size();
}

std::vector<double> WindowLoss::values(const std::vector<double>& kl, const std::vector<double>& nll,
                                       const std::vector<double>& wrong) const {
  if (metric_ == Metric::kl) return kl;
  if (metric_ == Metric::perplexity) return nll;
  if (wrong.empty()) return kl;  // of a failed trial
  EXPECT(wrong.size() == kl.size());
  std::vector<double> values;
  for (std::size_t w = 0; w < kl.size(); ++w) values.push_back(wrong[w] + tie_break * (1 - 1 / (1 + kl[w])));
  return values;
}

WindowLoss::Split WindowLoss::split(std::span<const double> values, std::span<const double> other,
                                    std::int64_t first) const {
  EXPECT(values.size() == other.size(), values.size(), " windows beside ", other.size());
  EXPECT(domains_.empty() || static_cast<std::size_t>(first) + values.size() <= domains_.size());
  Split domains(domain_count_);
  for (std::size_t w = 0; w < values.size(); ++w) {
    if (std::isnan(values[w]) || std::isnan(other[w])) continue;
    domains[domains_.empty() ? 0 : domains_[static_cast<std::size_t>(first) + w]].push_back(values[w]);
  }
  return domains;
}

Estimate WindowLoss::mean(std::span<const double> values, std::int64_t first) const {
  const Split domains = split(values, values, first);
  return all_empty(domains) ? Estimate{} : estimate(domains[worst_of(domains)]);
}

PairedComparison WindowLoss::compare(std::span<const double> a, std::span<const double> b, std::int64_t first) const {
  const Split of_a = split(a, b, first);
  const Split of_b = split(b, a, first);
  if (all_empty(of_a)) return {};
  const std::size_t worst_a = worst_of(of_a);
  const std::size_t worst_b = worst_of(of_b);
  PairedComparison comparison;
  comparison.confidence = 1;
  for (std::size_t d = 0; d < domain_count_; ++d) {
    comparison.windows += std::ssize(of_a[d]);
    if (of_a[d].empty()) continue;
    const double here =
        d == worst_b ? confidence_that_less(of_a[d], of_b[d]) : confidence_that_less_unpaired(of_a[d], of_b[worst_b]);
    comparison.confidence = std::min(comparison.confidence, here);
  }
  comparison.difference = worst_a == worst_b ? paired_difference(of_a[worst_a], of_b[worst_b])
                                             : unpaired_difference(of_a[worst_a], of_b[worst_b]);
  return comparison;
}

}  // namespace pare::search
