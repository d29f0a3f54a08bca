// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/survey.hpp"

#include <algorithm>
#include <cmath>

#include "search/algorithm/sensitivity.hpp"
#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// Beyond the budget's mean; 8-bit options of a 3-bit budget are not worth a measurement.
constexpr double bits_above_budget = 1.6;

/// Two options never lose the same, so that every change has a price.
constexpr double least_step = 1e-6;

double bits_of(const SearchSite& site, std::size_t option) {
  return 8.0 * static_cast<double>(site.options[option].bytes) /
         static_cast<double>(std::max<std::int64_t>(1, site.weights));
}

}  // namespace

std::vector<Recipe> survey_swaps(const SearchSpace& space, const Recipe& full, std::int64_t budget_bytes) {
  const double most = space.bits_per_weight(std::min(budget_bytes, space.largest_bytes())) + bits_above_budget;
  std::vector<Recipe> swaps = single_swaps(space, full, SwapChoice::all);
  std::erase_if(swaps, [&](const Recipe& swap) {
    for (std::size_t s = 0; s < swap.size(); ++s) {
      if (swap[s] == full[s]) continue;
      const SearchSite& site = space.sites[s];
      const bool same_form = site.options[swap[s]].form == site.options[full[s]].form;
      return same_form && bits_of(site, swap[s]) > most && next_smaller(site, swap[s]).has_value();
    }
    return true;
  });
  return swaps;
}

Scores survey_shape(const SearchSpace& space, const Archive& archive, const Recipe& full) {
  Scores shape = tabulate(space, archive, full, nullptr).score;
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
