// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "search/space/search_space.hpp"

namespace pare::search {

/// The recipe of one of the space's mixtures; nothing where a site lacks the option for it, or the space the mixture.
std::optional<Recipe> mixture_recipe(const SearchSpace& space, const std::string& name);

/// An option that sites lack for a mixture.
struct MissingOption {
  std::string option;  ///< empty: tied layers that the mixture tells apart
  std::string first_site;
  int sites = 0;
};

std::vector<MissingOption> missing_options(const SearchSpace& space, const std::string& mixture);

/// The same in words, "q6_k (6 sites, the first model.layers.0.self_attn.v_proj)"; nothing where nothing is missing.
std::string missing_text(const SearchSpace& space, const std::string& mixture);

/// The recipe of a mixture or of an option everywhere.
std::optional<Recipe> named_recipe(const SearchSpace& space, const std::string& mixture_or_option);

/// Names of the mixtures that the options can express, ascending in bytes, but for those that are a uniform recipe.
std::vector<std::string> expressible_mixtures(const SearchSpace& space);

}  // namespace pare::search
