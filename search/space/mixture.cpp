// SPDX-License-Identifier: Apache-2.0
#include "search/space/mixture.hpp"

#include <algorithm>

namespace pare::search {
namespace {

const Mixture* find(const SearchSpace& space, const std::string& name) {
  const auto found = std::ranges::find(space.mixtures, name, &Mixture::name);
  return found == space.mixtures.end() ? nullptr : &*found;
}

/// The first of the options that will do which the site offers.
std::optional<std::uint8_t> choose(const SearchSpace& space, const Mixture& mixture, std::size_t site) {
  for (const std::string& option : mixture.options[site])
    if (const auto index = space.find_option(site, option)) return index;
  return std::nullopt;
}

}  // namespace

std::optional<Recipe> mixture_recipe(const SearchSpace& space, const std::string& name) {
  const Mixture* const mixture = find(space, name);
  if (mixture == nullptr) return std::nullopt;
  Recipe recipe;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    const auto option = choose(space, *mixture, s);
    if (!option) return std::nullopt;
    recipe.push_back(*option);
  }
  return recipe;
}

std::vector<MissingOption> missing_options(const SearchSpace& space, const std::string& mixture) {
  std::vector<MissingOption> missing;
  const Mixture* const found = find(space, mixture);
  if (found == nullptr) return missing;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    if (choose(space, *found, s)) continue;
    const auto& wanted = found->options[s];
    const std::string option = wanted.empty() ? "" : wanted.back();
    auto known = std::ranges::find(missing, option, &MissingOption::option);
    if (known == missing.end()) known = missing.insert(known, {option, space.sites[s].name});
    ++known->sites;
  }
  return missing;
}

std::string missing_text(const SearchSpace& space, const std::string& mixture) {
  std::string text;
  for (const MissingOption& each : missing_options(space, mixture)) {
    text += (text.empty() ? "" : ", ") + (each.option.empty() ? "layers of their own" : each.option) + " (" +
            std::to_string(each.sites) + (each.sites == 1 ? " site, " : " sites, the first ") + each.first_site + ")";
  }
  return text;
}

std::optional<Recipe> named_recipe(const SearchSpace& space, const std::string& mixture_or_option) {
  if (const auto recipe = mixture_recipe(space, mixture_or_option)) return recipe;
  return space.uniform(mixture_or_option);
}

std::vector<std::string> expressible_mixtures(const SearchSpace& space) {
  struct Found {
    std::int64_t bytes;
    std::string name;
  };
  std::vector<Recipe> uniforms;
  for (const std::string& option : space.uniform_options()) uniforms.push_back(*space.uniform(option));
  std::vector<Found> found;
  for (const Mixture& mixture : space.mixtures) {
    const auto recipe = mixture_recipe(space, mixture.name);
    if (recipe && std::ranges::find(uniforms, *recipe) == uniforms.end())
      found.push_back({space.bytes(*recipe), mixture.name});
  }
  std::ranges::stable_sort(found, {}, &Found::bytes);
  std::vector<std::string> names;
  for (Found& each : found) names.push_back(std::move(each.name));
  return names;
}

}  // namespace pare::search
