// SPDX-License-Identifier: Apache-2.0
#include "search/report/comparison.hpp"

#include "search/objective/statistics.hpp"

namespace pare::search {
namespace {

bool is_uniform(const SearchSpace& space, const Recipe& recipe) {
  for (const std::string& option : space.uniform_options())
    if (space.uniform(option) == recipe) return true;
  return false;
}

}  // namespace

std::optional<Comparison> compare_with_uniform(const RunRecord& record) {
  if (!record.verdict) return std::nullopt;
  const std::vector<Contestant>& contestants = record.verdict->contestants;
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < contestants.size(); ++i)
    if (contestants[i].fits && is_uniform(record.space, contestants[i].recipe) &&
        (!best || contestants[i].kl.mean < contestants[*best].kl.mean))
      best = i;
  if (!best) return std::nullopt;
  const Contestant& winner = contestants[record.verdict->winner];
  const Contestant& uniform = contestants[*best];
  const Estimate difference = paired_difference(winner.window_kl, uniform.window_kl);
  return Comparison{*best, winner.kl.mean / uniform.kl.mean, difference.mean,
                    interval_half_width(difference, winner.window_kl.size(), 0.95)};
}

}  // namespace pare::search
