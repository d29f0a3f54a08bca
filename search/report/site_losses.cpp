// SPDX-License-Identifier: Apache-2.0
#include "search/report/site_losses.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "search/algorithm/procedural_algorithm.hpp"
#include "search/report/search_archive.hpp"

namespace pare::search {
namespace {

/// Of the one site in which two recipes differ; `sites` where they differ in none or several.
std::size_t only_change(const Recipe& a, const Recipe& b) {
  std::size_t found = a.size();
  for (std::size_t s = 0; s < a.size(); ++s) {
    if (a[s] == b[s]) continue;
    if (found < a.size()) return a.size();
    found = s;
  }
  return found;
}

using Measured = std::vector<std::vector<SiteLoss>>;  ///< by site

Measured measured_alone(const RunRecord& record) {
  const Recipe full = richest_recipe(record.space);
  const Archive archive = search_archive(record);
  Measured measured(record.space.sites.size());
  for (std::size_t i = 0; i < archive.size(); ++i) {
    const Recipe& recipe = archive.recipe(i);
    const std::size_t site = only_change(recipe, full);
    if (site == full.size()) continue;
    const PairedComparison seen = archive.compare(recipe, full);
    if (seen.windows > 0)
      measured[site].push_back({site, recipe[site], seen.difference.mean, seen.difference.stderr_of_mean});
  }
  return measured;
}

}  // namespace

std::vector<SiteLoss> site_losses(const RunRecord& record) {
  const Measured measured = measured_alone(record);
  const auto name = [&](const SiteLoss& loss) -> const std::string& {
    return record.space.sites[loss.site].options[loss.option].name;
  };
  std::map<std::string, int> sites_with;
  for (const auto& losses : measured)
    for (const SiteLoss& loss : losses) ++sites_with[name(loss)];
  std::vector<SiteLoss> chosen;
  for (const auto& losses : measured) {
    if (losses.empty()) continue;
    // Options ascend in bytes.
    chosen.push_back(*std::ranges::min_element(
        losses, {}, [&](const SiteLoss& loss) { return std::pair(-sites_with.at(name(loss)), loss.option); }));
  }
  return chosen;
}

}  // namespace pare::search
