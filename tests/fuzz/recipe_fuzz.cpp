// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/recipe_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pare;

namespace {

search::SearchSpace two_sites() {
  search::SearchSpace space;
  for (const char* name : {"model.layers.0.self_attn.q_proj", "model.layers.0.self_attn.o_proj"}) {
    space.sites.push_back(
        {name, "q_proj", 0, 1, 1024, 4096, {{"drop", 0, 1, "drop"}, {"w4-g32", 600, 0.1}, {"w16", 2048, 0}}});
  }
  return space;
}

}  // namespace

/// `site: option` lines, or the name of one option.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchDirectory scratch;
  static const search::SearchSpace space = two_sites();
  const auto file = scratch.write("recipe.yaml", fuzz::bytes_of(data, size));
  for (const std::string& argument : {file.string(), fuzz::text_of(data, size)}) {
    // A name with a slash or a zero byte in it could be another file of this machine.
    if (argument != file && argument.find_first_of(std::string_view("./\0", 3)) != std::string::npos) continue;
    fuzz::accepts([&] {
      const search::Recipe recipe = search::read_recipe(space, argument);
      fuzz::require(recipe.size() == 2 && space.is_settled(recipe), "an accepted recipe belongs to the space");
    });
  }
  return 0;
}
