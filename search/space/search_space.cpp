// SPDX-License-Identifier: Apache-2.0
#include "search/space/search_space.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

/// Of every unit the form, and in it the options, that `better` prefers over what was seen before.
template <class Better>
Recipe extreme_recipe(const SearchSpace& space, const Better& better) {
  Recipe recipe(space.sites.size());
  for (const Unit& unit : space.units()) {
    std::optional<std::int64_t> best;
    for (const std::string& form : space.forms(unit)) {
      std::int64_t bytes = 0;
      std::vector<std::uint8_t> chosen;
      for (const std::size_t s : unit) {
        const std::vector<SiteOption>& options = space.sites[s].options;
        std::optional<std::size_t> at;
        for (std::size_t o = 0; o < options.size(); ++o) {
          if (options[o].form == form && (!at || better(options[o].bytes, options[*at].bytes))) at = o;
        }
        ENSURE(at.has_value(), space.sites[s].name, " has no option of the form '", form, "'");
        chosen.push_back(static_cast<std::uint8_t>(*at));
        bytes += options[*at].bytes;
      }
      if (best && !better(bytes, *best)) continue;
      best = bytes;
      for (std::size_t i = 0; i < unit.size(); ++i) recipe[unit[i]] = chosen[i];
    }
  }
  return recipe;
}

}  // namespace

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

std::int64_t SearchSpace::cost(std::size_t measure, const Recipe& recipe) const {
  EXPECT(recipe.size() == sites.size(), "a recipe of ", recipe.size(), " sites for a space of ", sites.size());
  EXPECT(measure < measures.size(), "measure ", measure, " of ", measures.size());
  std::int64_t sum = 0;
  for (std::size_t s = 0; s < sites.size(); ++s) sum += sites[s].options[recipe[s]].costs[measure];
  return sum;
}

std::vector<Unit> SearchSpace::units() const {
  std::vector<Unit> units;
  for (std::size_t first = 0, end = 0; first < sites.size(); first = end) {
    bool formed = false;
    for (; end < sites.size() && sites[end].stage == sites[first].stage; ++end) {
      formed = formed || std::ranges::any_of(sites[end].options, [](const SiteOption& o) { return !o.form.empty(); });
    }
    if (formed) units.emplace_back();
    for (std::size_t s = first; s < end; ++s) {
      if (!formed) units.emplace_back();
      units.back().push_back(s);
    }
  }
  return units;
}

std::vector<std::string> SearchSpace::forms(const Unit& unit) const {
  std::vector<std::string> forms;
  for (const SiteOption& option : sites[unit.front()].options) {
    if (std::ranges::find(forms, option.form) == forms.end()) forms.push_back(option.form);
  }
  return forms;
}

bool SearchSpace::is_settled(const Recipe& recipe) const {
  for (const Unit& unit : units()) {
    const auto form = [&](std::size_t s) -> const std::string& { return sites[s].options[recipe[s]].form; };
    for (const std::size_t s : unit) {
      if (form(s) != form(unit.front())) return false;
    }
  }
  return true;
}

Recipe SearchSpace::smallest_recipe() const {
  return extreme_recipe(*this, [](std::int64_t a, std::int64_t b) { return a < b; });
}

Recipe SearchSpace::largest_recipe() const {
  return extreme_recipe(*this, [](std::int64_t a, std::int64_t b) { return a >= b; });
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
  return bytes(smallest_recipe());
}

std::int64_t SearchSpace::largest_bytes() const {
  return bytes(largest_recipe());
}

double SearchSpace::bits_per_weight(std::int64_t bytes) const {
  return 8.0 * static_cast<double>(bytes) / static_cast<double>(weights());
}

double SearchSpace::log10_size() const {
  double sum = 0;
  for (const Unit& unit : units()) {
    double recipes = 0;
    for (const std::string& form : forms(unit)) {
      double of_form = 1;
      for (const std::size_t s : unit) {
        of_form *= static_cast<double>(
            std::ranges::count_if(sites[s].options, [&](const SiteOption& o) { return o.form == form; }));
      }
      recipes += of_form;
    }
    sum += std::log10(recipes);
  }
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
