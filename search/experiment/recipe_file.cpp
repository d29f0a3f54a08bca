// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/recipe_file.hpp"

#include <filesystem>
#include <vector>

#include "framework/compression/option.hpp"
#include "framework/compression/stock_mixture.hpp"
#include "framework/config/config_document.hpp"
#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "kernels/core/contract.hpp"
#include "search/space/mixture.hpp"

namespace pare::search {
namespace {

std::vector<std::string> option_names(const SearchSite& site) {
  std::vector<std::string> names;
  for (const SiteOption& option : site.options) names.push_back(option.name);
  return names;
}

/// The one spelling of an option; a text that is none stays as it is, to be refused with its line.
std::string spelled(const std::string& text) {
  try {
    return framework::parse_option(text).name();
  } catch (const InputError&) {
    return text;
  }
}

/// ": it failed at SITE: REASON", where that is why a site does not offer the option; an empty site means any.
std::string failure_text(const SearchSpace& space, const std::string& site, const std::string& option) {
  for (const LeftOut& each : space.left_out) {
    if (each.option == option && (site.empty() || each.site == site))
      return ": it failed at " + each.site + ": " + each.reason;
  }
  return "";
}

/// The layers of a sub-layer lose the same heads or channels, or go together.
void check_settled(const SearchSpace& space, const Recipe& recipe, const std::string& file) {
  for (const Unit& unit : space.units()) {
    const auto option = [&](std::size_t s) -> const SiteOption& { return space.sites[s].options[recipe[s]]; };
    for (const std::size_t s : unit) {
      const std::size_t first = unit.front();
      VALIDATE(option(s).form == option(first).form, file, ": ", space.sites[first].name, " is to be '",
               option(first).name, "' and ", space.sites[s].name, " '", option(s).name,
               "', but heads, channels and whole sub-layers go from all layers of a sub-layer or from none");
    }
  }
}

Recipe read_named(const SearchSpace& space, const std::string& text) {
  if (framework::is_stock_mixture(text)) {
    const auto recipe = mixture_recipe(space, text);
    VALIDATE(recipe.has_value(), "recipe: ", text, " lacks ", missing_text(space, text));
    return *recipe;
  }
  const std::string option = framework::parse_option(text).name();
  const auto recipe = space.uniform(option);
  VALIDATE(recipe.has_value(), "recipe: option '", option, "' is not offered by every site",
           failure_text(space, "", option), framework::did_you_mean(option, space.uniform_options()));
  return *recipe;
}

}  // namespace

Recipe read_recipe(const SearchSpace& space, const std::string& file_or_option) {
  std::error_code error;
  if (!std::filesystem::exists(file_or_option, error)) {
    VALIDATE(file_or_option.find('.') == std::string::npos && file_or_option.find('/') == std::string::npos,
             framework::printable(file_or_option), ": no such recipe file");
    return read_named(space, file_or_option);
  }
  const framework::ConfigDocument document = framework::ConfigDocument::read(file_or_option);
  const framework::ConfigView root = document.root();
  std::vector<std::string> sites;
  for (const SearchSite& site : space.sites) sites.push_back(site.name);
  root.allow_keys(sites);
  Recipe recipe;
  for (std::size_t s = 0; s < space.sites.size(); ++s) {
    const framework::ConfigView entry = root.at(sites[s]);
    const auto option = space.find_option(s, spelled(entry.as_string()));
    if (!option) {
      entry.fail("this site has no option '" + framework::printable(entry.as_string()) + "'" +
                 failure_text(space, sites[s], spelled(entry.as_string())) +
                 framework::did_you_mean(entry.as_string(), option_names(space.sites[s])));
    }
    recipe.push_back(*option);
  }
  check_settled(space, recipe, file_or_option);
  return recipe;
}

}  // namespace pare::search
