// SPDX-License-Identifier: Apache-2.0
#include "search/space/search_space.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/contract.hpp"

namespace pare::search {

void SearchSpace::leave_out(std::size_t site, std::uint8_t option, const std::string& reason) {
  std::vector<SiteOption>& options = sites[site].options;
  EXPECT(option < options.size(), "option ", int{option}, " of ", options.size(), " at ", sites[site].name);
  left_out.push_back({sites[site].name, options[option].name, reason});
  options.erase(options.begin() + option);
  if (!options.empty()) return;
  std::string all;
  for (const LeftOut& each : left_out) {
    if (each.site == sites[site].name) all += (all.empty() ? "" : "; ") + each.option + ": " + each.reason;
  }
  throw InputError("options: " + sites[site].name + " is left with none, all of its options fail: " + all +
                   "; give it an option that holds, such as w16");
}

std::int64_t SearchSpace::bytes(const Recipe& recipe) const {
  EXPECT(recipe.size() == sites.size(), "a recipe of ", recipe.size(), " sites for a space of ", sites.size());
  std::int64_t sum = 0;
  for (std::size_t s = 0; s < sites.size(); ++s) {
    EXPECT(recipe[s] < sites[s].options.size(), "option ", int{recipe[s]}, " of ", sites[s].options.size(), " at ",
           sites[s].name);
    sum += sites[s].options[recipe[s]].bytes;
  }
  return sum;
}

std::int64_t SearchSpace::weights() const {
  std::int64_t sum = 0;
  for (const SearchSite& site : sites) sum += site.weights;
  return sum;
}

std::int64_t SearchSpace::original_bytes() const {
  std::int64_t sum = 0;
  for (const SearchSite& site : sites) sum += site.original_bytes;
  return sum;
}

std::int64_t SearchSpace::smallest_bytes() const {
  std::int64_t sum = 0;
  for (const SearchSite& site : sites) sum += site.options.front().bytes;
  return sum;
}

std::int64_t SearchSpace::largest_bytes() const {
  std::int64_t sum = 0;
  for (const SearchSite& site : sites) sum += site.options.back().bytes;
  return sum;
}

double SearchSpace::bits_per_weight(std::int64_t bytes) const {
  return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights());
}

double SearchSpace::log10_size() const {
  double sum = 0;
  for (const SearchSite& site : sites) sum += std::log10(static_cast<double>(site.options.size()));
  return sum;
}

std::vector<std::string> SearchSpace::uniform_options() const {
  struct Uniform {
    std::int64_t bytes;
    std::string name;
  };
  std::vector<Uniform> found;
  if (sites.empty()) return {};
  for (const SiteOption& option : sites.front().options) {
    const std::optional<Recipe> recipe = uniform(option.name);
    if (recipe) found.push_back({bytes(*recipe), option.name});
  }
  std::sort(found.begin(), found.end(), [](const Uniform& a, const Uniform& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.name < b.name;
  });
  std::vector<std::string> names;
  for (Uniform& each : found) names.push_back(std::move(each.name));
  return names;
}

std::optional<Recipe> SearchSpace::uniform(const std::string& option) const {
  Recipe recipe(sites.size());
  for (std::size_t s = 0; s < sites.size(); ++s) {
    const std::optional<std::uint8_t> index = find_option(s, option);
    if (!index) return std::nullopt;
    recipe[s] = *index;
  }
  return recipe;
}

std::optional<std::uint8_t> SearchSpace::find_option(std::size_t site, const std::string& option) const {
  const std::vector<SiteOption>& options = sites[site].options;
  for (std::size_t o = 0; o < options.size(); ++o) {
    if (options[o].name == option) return static_cast<std::uint8_t>(o);
  }
  return std::nullopt;
}

}  // namespace pare::search
