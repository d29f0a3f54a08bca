// SPDX-License-Identifier: Apache-2.0
#include "search/report/comparison.hpp"

#include <algorithm>
#include <cstdint>

#include "search/objective/statistics.hpp"

namespace pare::search {
namespace {

bool is_uniform(const SearchSpace& space, const Recipe& recipe) {
  for (const std::string& option : space.uniform_options())
    if (space.uniform(option) == recipe) return true;
  return false;
}

}  // namespace

Estimate loss_of(const RunRecord& record, const Contestant& contestant) {
  const WindowLoss loss(record.objective, WindowSet::holdout);
  return loss.mean(loss.values(contestant.window_kl, contestant.window_nll, contestant.window_wrong), 0);
}

std::optional<OverUniform> compare_with_uniform(const RunRecord& record) {
  if (!record.verdict) return std::nullopt;
  const std::vector<Contestant>& contestants = record.verdict->contestants;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < contestants.size(); ++i)
    if (contestants[i].fits && is_uniform(record.space, contestants[i].recipe) &&
        (!best || loss_of(record, contestants[i]).mean < loss_of(record, contestants[*best]).mean))
      best = i;
  if (!best) return std::nullopt;
  const Contestant& winner = contestants[record.verdict->winner];
  const Contestant& uniform = contestants[*best];
  const WindowLoss loss(record.objective, WindowSet::holdout);
  const Estimate difference = loss.compare(loss.values(winner.window_kl, winner.window_nll, winner.window_wrong),
                                           loss.values(uniform.window_kl, uniform.window_nll, uniform.window_wrong), 0)
                                  .difference;
  const Estimate kl = paired_difference(winner.window_kl, uniform.window_kl);
  const std::size_t windows = winner.window_kl.size();
  std::size_t samples = windows;  // of the difference; in the worst domain at least so many
  if (record.objective.combine == Combine::worst) {
    for (std::size_t d = 0; d < record.objective.domains.size(); ++d) {
      const auto count = std::ranges::count(record.objective.holdout, static_cast<std::uint16_t>(d));
      samples = std::min(samples, static_cast<std::size_t>(count));
    }
  }
  return OverUniform{.uniform = *best,
                     .ratio = loss_of(record, winner).mean / loss_of(record, uniform).mean,
                     .difference = difference.mean,
                     .half_width = interval_half_width(difference, samples, 0.95),
                     .kl_ratio = winner.kl.mean / uniform.kl.mean,
                     .kl_difference = kl.mean,
                     .kl_half_width = interval_half_width(kl, windows, 0.95)};
}

}  // namespace pare::search
