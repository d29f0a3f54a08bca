// SPDX-License-Identifier: Apache-2.0
#include "search/algorithm/sensitivity.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "search/space/moves.hpp"

namespace pare::search {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The options of one form at a site, in a table that is being filled.
struct Row {
  std::vector<double>& score;
  std::vector<double>& error;
  const std::vector<bool>& known;  ///< measured, or the point's own option
  const SearchSite& site;
  std::size_t own;

  bool has(std::size_t o) const { return known[o] && site.options[o].form == site.options[own].form; }
};

int nearest_known(const Row& row, int from, int step) {
  int o = from + step;
  while (o >= 0 && o < static_cast<int>(row.known.size()) && !row.has(static_cast<std::size_t>(o))) o += step;
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
    row.score[o] = o > from ? row.score[from] : infinity;
    return;
  }
  double scale = 1;
  const double before = (*previous)[from] - (*previous)[row.own];
  if (std::isfinite(before) && before * row.score[from] > 0) scale = std::clamp(row.score[from] / before, 0.25, 4.0);
  row.score[o] = row.score[from] + scale * ((*previous)[o] - (*previous)[from]);
  if (std::isnan(row.score[o])) row.score[o] = infinity;
}

/// Loss by local error, from the known options of the site's own form that lie farthest apart; nothing where no two do.
std::optional<double> slope_of(const Row& row) {
  std::optional<std::size_t> least, most;
  for (std::size_t o = 0; o < row.known.size(); ++o) {
    if (!row.has(o)) continue;
    const double error = row.site.options[o].local_error;
    if (!least || error < row.site.options[*least].local_error) least = o;
    if (!most || error > row.site.options[*most].local_error) most = o;
  }
  const double width = row.site.options[*most].local_error - row.site.options[*least].local_error;
  if (width <= 0) return std::nullopt;
  return std::max(0.0, (row.score[*most] - row.score[*least]) / width);
}

/// Fills in the options of the form that option `chosen` has, whose change is worth `loss` here.
void fill_other_form(const Row& row, const std::vector<bool>& efficient, std::size_t chosen, const Estimate& loss) {
  const std::optional<double> slope = slope_of(row);
  const SearchSite& site = row.site;
  for (std::size_t o = 0; o < site.options.size(); ++o) {
    if (site.options[o].form != site.options[chosen].form || (o != chosen && !efficient[o])) continue;
    const double further = site.options[o].local_error - site.options[chosen].local_error;
    const bool smaller = site.options[o].bytes < site.options[chosen].bytes;
    row.score[o] = loss.mean + (slope ? *slope * further : smaller ? infinity : 0.0);
    row.error[o] = loss.stderr_of_mean;
  }
}

/// The point with a unit in each of the forms that it does not have.
std::vector<Recipe> other_forms(const SearchSpace& space, const Recipe& point, const Unit& unit) {
  std::vector<Recipe> formed;
  for (const std::string& form : space.forms(unit)) {
    if (form != space.sites[unit.front()].options[point[unit.front()]].form)
      formed.push_back(with_form(space, point, unit, form));
  }
  return formed;
}

/// What a site may take instead of `own`, of the same form.
std::set<std::uint8_t> options_to_try(const SearchSite& site, std::uint8_t own, SwapChoice choice) {
  const std::vector<bool> efficient = efficient_options(site);
  std::vector<std::uint8_t> of_form, good;
  for (std::size_t o = 0; o < site.options.size(); ++o) {
    if (site.options[o].form != site.options[own].form) continue;
    of_form.push_back(static_cast<std::uint8_t>(o));
    if (efficient[o]) good.push_back(static_cast<std::uint8_t>(o));
  }
  std::set<std::uint8_t> chosen;
  if (choice == SwapChoice::all) chosen.insert(of_form.begin(), of_form.end());
  if (choice == SwapChoice::anchors) chosen.insert({good.front(), good.back()});
  const auto step = [&](const auto& next) {
    auto o = next(site, own);
    while (o && !efficient[*o]) o = next(site, *o);
    if (o) chosen.insert(*o);
  };
  step(next_smaller);
  step(next_larger);
  chosen.erase(own);
  return chosen;
}

/// Deals the loss of a change of form over the sites of the unit.
void add_other_forms(const SearchSpace& space, const Archive& archive, const Unit& unit, Sensitivities& table) {
  for (const Recipe& formed : other_forms(space, table.point, unit)) {
    const PairedComparison comparison = archive.compare(formed, table.point);
    if (comparison.windows == 0) continue;
    const auto sites = static_cast<double>(unit.size());
    const Estimate share{comparison.difference.mean / sites, comparison.difference.stderr_of_mean / std::sqrt(sites)};
    for (const std::size_t s : unit) {
      std::vector<bool> known = table.measured[s];
      known[table.point[s]] = true;
      const SearchSite& site = space.sites[s];
      fill_other_form({table.score[s], table.error[s], known, site, table.point[s]}, efficient_options(site), formed[s],
                      share);
      table.measured[s][formed[s]] = true;
    }
  }
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
      const bool as_good =
          other.form == option.form && other.bytes <= option.bytes && other.local_error <= option.local_error;
      const bool better = other.bytes < option.bytes || other.local_error < option.local_error;
      if (as_good && (better || p < o)) efficient[o] = false;
    }
  }
  return efficient;
}

std::vector<Recipe> single_swaps(const SearchSpace& space, const Recipe& point, SwapChoice choice) {
  std::vector<Recipe> swaps;
  for (const Unit& unit : space.units()) {
    for (const Recipe& formed : other_forms(space, point, unit)) swaps.push_back(formed);
    for (const std::size_t s : unit) {
      for (const std::uint8_t o : options_to_try(space.sites[s], point[s], choice)) {
        swaps.push_back(point);
        swaps.back()[s] = o;
      }
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
    const auto own_form = [&](std::size_t o) { return site.options[o].form == site.options[point[s]].form; };
    Recipe swap = point;
    for (std::size_t o = 0; o < options; ++o) {
      if (!own_form(o)) score[o] = infinity;
      if (o == point[s] || !own_form(o)) continue;
      swap[s] = static_cast<std::uint8_t>(o);
      const PairedComparison comparison = archive.compare(swap, point);
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
      if (known[o] || !own_form(o)) continue;
      if (!efficient[o]) {
        score[o] = infinity;
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
    for (std::size_t o = 0; o < options; ++o) {
      swap[s] = static_cast<std::uint8_t>(o);
      if (o != point[s] && own_form(o) && archive.failed(swap)) score[o] = infinity;
    }
  }
  for (const Unit& unit : space.units()) add_other_forms(space, archive, unit, table);
  return table;
}

}  // namespace pare::search
