// SPDX-License-Identifier: Apache-2.0
#include "search/report/recipe_yaml.hpp"

#include <fmt/format.h>

#include "search/report/number_text.hpp"

namespace pare::search {

std::string recipe_yaml(const SearchSpace& space, const Recipe& recipe) {
  const std::int64_t bytes = space.bytes(recipe);
  std::string text = fmt::format("# {} bytes, {:.4f} bits per weight, {} sites\n", grouped(bytes),
                                 space.bits_per_weight(bytes), space.sites.size());
  for (std::size_t s = 0; s < space.sites.size(); ++s)
    text += fmt::format("{}: {}\n", space.sites[s].name, space.sites[s].options[recipe[s]].name);
  return text;
}

}  // namespace pare::search
