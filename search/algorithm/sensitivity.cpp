// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/sensitivity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "search/space/moves.hpp"

namespace pare::search {
namespace {

/// One site of a table while it is filled.
struct Row {
  std::vector<double>& score;
  std::vector<double>& error;
  const std::vector<bool>& known;  ///< measured, or the point's own option
  const SearchSite& site;
  std::size_t own;
};

int nearest_known(const Row& row, int from, int step) {
  int o = from + step;
  while (o >= 0 && o < static_cast<int>(row.known.size()) && !row.known[static_cast<std::size_t>(o)]) o += step;
  return o < static_cast<int>(row.known.size()) ? o : -1;
}

void interpolate(const Row& row, std::size_t o, std::size_t below, std::size_t above) {
  const double e = row.site.options[o].local_error;
  const double e_below = row.site.options[below].local_error;
  const double e_above = row.site.options[above].local_error;
  double share = e_below == e_above ? 0.5 : (e - e_below) / (e_above - e_below);
  share = std::clamp(share, 0.0, 1.0);
  row.score[o] = row.score[below] + share * (row.score[above] - row.score[below]);
  row.error[o] = std::max(row.error[below], row.error[above]);
}

void extend(const Row& row, std::size_t o, std::size_t from, const std::vector<double>* previous) {
  row.error[o] = row.error[from];
  if (previous == nullptr) {
    row.score[o] = o > from ? row.score[from] : std::numeric_limits<double>::infinity();
    return;
  }
  double scale = 1;
  const double before = (*previous)[from] - (*previous)[row.own];
  if (std::isfinite(before) && before * row.score[from] > 0) scale = std::clamp(row.score[from] / before, 0.25, 4.0);
  row.score[o] = row.score[from] + scale * ((*previous)[o] - (*previous)[from]);
  if (std::isnan(row.score[o])) row.score[o] = std::numeric_limits<double>::infinity();
}

}  // namespace

std::vector<bool> efficient_options(const SearchSite& site) {
  const std::size_t count = site.options.size();
  const auto known = [&](const SiteOption& o) { return o.local_error != site.options.front().local_error; };
  if (std::none_of(site.options.begin(), site.options.end(), known)) return std::vector<bool>(count, true);
  std::vector<bool> efficient(count, true);
  for (std::size_t o = 0; o < count; ++o) {
    const SiteOption& option = site.options[o];
    for (std::size_t p = 0; p < count && efficient[o]; ++p) {
      const SiteOption& other = site.options[p];
      const bool as_good = other.bytes <= option.bytes && other.local_error <= option.local_error;
      const bool better = other.bytes < option.bytes || other.local_error < option.local_error;
      if (as_good && (better || p < o)) efficient[o] = false;
    }
  }
  return efficient;
}

std::vector<Recipe> single_swaps(const SearchSpace& space, const Recipe& point, SwapChoice choice) {
  std::vector<Recipe> swaps;
  for (std::size_t s = 0; s < point.size(); ++s) {
    const SearchSite& site = space.sites[s];
    const std::vector<bool> efficient = efficient_options(site);
    std::set<std::uint8_t> chosen;
    if (choice == SwapChoice::all) {
      for (std::size_t o = 0; o < site.options.size(); ++o) chosen.insert(static_cast<std::uint8_t>(o));
    }
    if (choice == SwapChoice::anchors) {
      const auto first = std::find(efficient.begin(), efficient.end(), true) - efficient.begin();
      const auto last = efficient.rend() - std::find(efficient.rbegin(), efficient.rend(), true) - 1;
      chosen.insert({static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(last)});
    }
    const auto step = [&](const auto& next) {
      auto o = next(site, point[s]);
      while (o && !efficient[*o]) o = next(site, *o);
      if (o) chosen.insert(*o);
    };
    step(next_smaller);
    step(next_larger);
    chosen.erase(point[s]);
    for (const std::uint8_t o : chosen) {
      swaps.push_back(point);
      swaps.back()[s] = o;
    }
  }
  return swaps;
}

Sensitivities tabulate(const SearchSpace& space, const Archive& archive, const Recipe& point,
                       const Sensitivities* previous) {
  Sensitivities table{point, {}, {}, {}};
  for (std::size_t s = 0; s < point.size(); ++s) {
    const SearchSite& site = space.sites[s];
    const std::size_t options = site.options.size();
    std::vector<double>& score = table.score.emplace_back(options, 0.0);
    std::vector<double>& error = table.error.emplace_back(options, 0.0);
    std::vector<bool>& measured = table.measured.emplace_back(options, false);
    Recipe swap = point;
    for (std::size_t o = 0; o < options; ++o) {
      if (o == point[s]) continue;
      swap[s] = static_cast<std::uint8_t>(o);
      const Comparison comparison = archive.compare(swap, point);
      if (comparison.windows == 0) continue;
      score[o] = comparison.difference.mean;
      error[o] = comparison.difference.stderr_of_mean;
      measured[o] = true;
    }
    std::vector<bool> known = measured;
    known[point[s]] = true;
    const std::vector<bool> efficient = efficient_options(site);
    const Row row{score, error, known, site, point[s]};
    for (std::size_t o = 0; o < options; ++o) {
      if (known[o]) continue;
      if (!efficient[o]) {
        score[o] = std::numeric_limits<double>::infinity();
        continue;
      }
      const int below = nearest_known(row, static_cast<int>(o), -1);
      const int above = nearest_known(row, static_cast<int>(o), +1);
      if (below >= 0 && above >= 0) {
        interpolate(row, o, static_cast<std::size_t>(below), static_cast<std::size_t>(above));
      } else {
        extend(row, o, static_cast<std::size_t>(std::max(below, above)), previous ? &previous->score[s] : nullptr);
      }
    }
  }
  return table;
}

}  // namespace pare::search
