// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "search/space/recipe.hpp"

namespace pare::search {

/// Names a recipe by what becomes of each layer, not by positions in one experiment's lists of sites and options: a
/// wider search, or one with other ties, gives the same recipe the same name.
class RecipeIdentity {
 public:
  /// What an option does to one layer of its site.
  struct Part {
    std::size_t layer = 0;    ///< counted through the model
    std::string option;       ///< name of the layer and of the option, which holds all of its parameters
    bool calibrated = false;  ///< the outcome depends on the calibration
  };
  using OptionParts = std::vector<Part>;

  /// `parts`: by site, then option. `calibration`: key of the statistics; part of the name of recipes that depend on them.
  RecipeIdentity(std::size_t layers, std::string calibration, std::vector<std::vector<OptionParts>> parts);

  /// 16 bytes, XXH3-128.
  std::vector<std::uint8_t> of(const Recipe& recipe) const;

 private:
  std::size_t layers_;
  std::string calibration_;
  std::vector<std::vector<OptionParts>> parts_;
};

}  // namespace pare::search
