// SPDX-License-Identifier: Apache-2.0
#include "search/report/comparison.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "framework/compression/stock_mixture.hpp"
#include "search/objective/statistics.hpp"

namespace pare::search {
namespace {

bool is_uniform(const SearchSpace& space, const Recipe& recipe) {
  for (const std::string& option : space.uniform_options())
    if (space.uniform(option) == recipe) return true;
  return false;
}

template <class IsBaseline>
std::optional<OverBaseline> compare_with_best(const RunRecord& record, const IsBaseline& is_baseline) {
  if (!record.verdict) return std::nullopt;
  const std::vector<Contestant>& contestants = record.verdict->contestants;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < contestants.size(); ++i)
    if (contestants[i].fits && std::isfinite(contestants[i].kl.mean) && is_baseline(contestants[i]) &&
        (!best || loss_of(record, contestants[i]).mean < loss_of(record, contestants[*best]).mean))
      best = i;
  if (!best) return std::nullopt;
  const Contestant& winner = contestants[record.verdict->winner];
  const Contestant& baseline = contestants[*best];
  const LossDifference difference = loss_difference(record.objective, winner, baseline);
  const Estimate kl = paired_difference(winner.window_kl, baseline.window_kl);
  const std::size_t windows = winner.window_kl.size();
  return OverBaseline{.baseline = *best,
                      .ratio = loss_of(record, winner).mean / loss_of(record, baseline).mean,
                      .difference = difference.mean,
                      .half_width = difference.half_width,
                      .kl_ratio = winner.kl.mean / baseline.kl.mean,
                      .kl_difference = kl.mean,
                      .kl_half_width = interval_half_width(kl, windows, 0.95)};
}

}  // namespace

std::size_t samples_of_loss(const Objective& objective, std::size_t windows) {
  std::size_t samples = windows;
  if (objective.combine != Combine::worst) return samples;
  for (std::size_t d = 0; d < objective.domains.size(); ++d) {
    const auto count = std::ranges::count(objective.holdout, static_cast<std::uint16_t>(d));
    samples = std::min(samples, static_cast<std::size_t>(count));
  }
  return samples;
}

LossDifference loss_difference(const Objective& objective, const Contestant& a, const Contestant& b) {
  const WindowLoss loss(objective, WindowSet::holdout);
  const auto values = [&](const Contestant& each) {
    return loss.values(each.window_kl, each.window_nll, each.window_wrong);
  };
  const Estimate difference = loss.compare(values(a), values(b), 0).difference;
  return {difference.mean, interval_half_width(difference, samples_of_loss(objective, a.window_kl.size()), 0.95)};
}

Estimate loss_of(const RunRecord& record, const Contestant& contestant) {
  const WindowLoss loss(record.objective, WindowSet::holdout);
  return loss.mean(loss.values(contestant.window_kl, contestant.window_nll, contestant.window_wrong), 0);
}

std::optional<OverBaseline> compare_with_uniform(const RunRecord& record) {
  return compare_with_best(record, [&](const Contestant& each) { return is_uniform(record.space, each.recipe); });
}

bool a_uniform_recipe_fits(const RunRecord& record) {
  return record.verdict && std::ranges::any_of(record.verdict->contestants, [&](const Contestant& each) {
           return each.fits && is_uniform(record.space, each.recipe);
         });
}

std::optional<OverBaseline> compare_with_mixture(const RunRecord& record) {
  return compare_with_best(record, [](const Contestant& each) { return framework::is_stock_mixture(each.name); });
}

}  // namespace pare::search
