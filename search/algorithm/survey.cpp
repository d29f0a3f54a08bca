// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/survey.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "search/algorithm/contest.hpp"
#include "search/algorithm/sensitivity.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// Two options never lose the same, so that every change has a price.
constexpr double least_step = 1e-6;

/// Local errors in nats, by the median of what was measured: the shape of what was not. Nothing where they say nothing.
std::optional<Sensitivities> scaled_local_errors(const SearchSpace& space, const Sensitivities& table) {
  Sensitivities guess{table.point, local_scores(space), table.error, table.measured};
  std::vector<double> ratios;
  for (std::size_t s = 0; s < guess.score.size(); ++s) {
    for (std::size_t o = 0; o < guess.score[s].size(); ++o) {
      const double ratio = table.score[s][o] / (guess.score[s][o] - guess.score[s][table.point[s]]);
      if (table.measured[s][o] && std::isfinite(ratio) && ratio > 0) ratios.push_back(ratio);
    }
  }
  if (ratios.empty()) return std::nullopt;
  const auto middle = ratios.begin() + static_cast<std::ptrdiff_t>(ratios.size() / 2);
  std::nth_element(ratios.begin(), middle, ratios.end());
  for (auto& row : guess.score) {
    for (double& score : row) score *= *middle;
  }
  return guess;
}

}  // namespace

std::vector<Recipe> survey_swaps(const SearchSpace& space, std::vector<Recipe> swaps, const Recipe& full,
                                 const Recipe& local) {
  std::erase_if(swaps, [&](const Recipe& swap) {
    for (std::size_t s = 0; s < swap.size(); ++s) {
      if (swap[s] == full[s]) continue;
      const SearchSite& site = space.sites[s];
      if (site.options[swap[s]].form != site.options[full[s]].form) return false;
      return swap[s] != local[s] && next_smaller(site, local[s]) != swap[s];
    }
    return true;
  });
  return swaps;
}

Scores survey_shape(const SearchSpace& space, const Archive& archive, const Recipe& full) {
  Sensitivities table = tabulate(space, archive, full, nullptr);
  if (const auto guess = scaled_local_errors(space, table)) table = tabulate(space, archive, full, &*guess);
  Scores shape = std::move(table.score);
  for (std::size_t s = 0; s < shape.size(); ++s) {
    const SearchSite& site = space.sites[s];
    double above = 0;
    for (std::size_t o = shape[s].size(); o-- > 0;) {
      if (std::isinf(shape[s][o]) || o == full[s] || site.options[o].form != site.options[full[s]].form) continue;
      shape[s][o] = std::max(shape[s][o], above + least_step);
      above = shape[s][o];
    }
  }
  return shape;
}

}  // namespace pare::search
