// SPDX-License-Identifier: Apache-2.0
#include "search/store/recipe_identity.hpp"

#include <charconv>
#include <utility>

#include "framework/io/hash.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {

RecipeIdentity::RecipeIdentity(std::size_t layers, std::string calibration, std::vector<std::vector<OptionParts>> parts)
    : layers_(layers), calibration_(std::move(calibration)), parts_(std::move(parts)) {}

std::vector<std::uint8_t> RecipeIdentity::of(const Recipe& recipe) const {
  EXPECT(recipe.size() == parts_.size(), "a recipe of ", recipe.size(), " sites, not ", parts_.size());
  std::vector<const std::string*> chosen(layers_);
  bool calibrated = false;
  for (std::size_t s = 0; s < recipe.size(); ++s) {
    EXPECT(recipe[s] < parts_[s].size());
    for (const Part& part : parts_[s][recipe[s]]) {
      chosen[part.layer] = &part.option;
      calibrated = calibrated || part.calibrated;
    }
  }
  framework::Hasher hasher;
  for (const std::string* option : chosen) {
    if (option != nullptr) hasher.update(*option + "\n");
  }
  if (calibrated) hasher.update(calibration_);
  const std::string hex = hasher.hex();
  std::vector<std::uint8_t> bytes(hex.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, bytes[i], 16);
  return bytes;
}

}  // namespace pare::search
