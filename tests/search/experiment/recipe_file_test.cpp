// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/recipe_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "search/report/recipe_yaml.hpp"
#include "tests/framework/config/expect_error.hpp"
#include "tests/search/store/scratch_directory.hpp"

namespace pare::test {
namespace {

using search::Recipe;
using search::SearchSpace;
using ::testing::HasSubstr;
using ::testing::StartsWith;

SearchSpace space() {
  const auto site = [](const char* name) {
    return search::SearchSite{name, "q_proj", 0, 0, 64, 128, {{"w2-g32", 20, 0.1}, {"w4-g32", 36, 0.01}}};
  };
  return {{site("layers.0.q_proj"), site("layers.1.{q_proj,k_proj}")}};
}

class RecipeFile : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    std::ofstream(scratch_ / "recipe.yaml") << text;
    return scratch_ / "recipe.yaml";
  }

  std::string error(const std::string& text) {
    const std::string file = write(text);
    const std::string got = error_of([&] { search::read_recipe(space(), file); });
    return got.starts_with(scratch_.path().string()) ? got.substr(scratch_.path().string().size() + 1) : got;
  }

  ScratchDirectory scratch_;
};

}  // namespace

TEST_F(RecipeFile, ReadsWhatReportsWrite) {
  const Recipe recipe{1, 0};

  EXPECT_EQ(search::read_recipe(space(), write(search::recipe_yaml(space(), recipe))), recipe);
}

TEST_F(RecipeFile, ReadsSitesInAnyOrder) {
  EXPECT_EQ(search::read_recipe(space(), write("\"layers.1.{q_proj,k_proj}\": w4-g32\nlayers.0.q_proj: w2-g32\n")),
            (Recipe{0, 1}));
}

TEST_F(RecipeFile, TakesOneOptionForEverySite) {
  EXPECT_EQ(search::read_recipe(space(), "w4-g32"), (Recipe{1, 1}));
  EXPECT_THAT(error_of([] { search::read_recipe(space(), "w3-g32"); }),
              StartsWith("recipe: option 'w3-g32' is not offered by every site, did you mean 'w"));
}

TEST_F(RecipeFile, RefusesToTearASubLayer) {
  SearchSpace formed = space();
  for (search::SearchSite& site : formed.sites) site.options.insert(site.options.begin(), {"drop", 0, 1.0, "drop"});

  const std::string text = "layers.0.q_proj: drop\n\"layers.1.{q_proj,k_proj}\": w4-g32\n";

  EXPECT_THAT(
      error_of([&] { search::read_recipe(formed, write(text)); }),
      HasSubstr("recipe.yaml: layers.0.q_proj is to be 'drop' and layers.1.{q_proj,k_proj} 'w4-g32', but heads, "
                "channels and whole sub-layers go from all layers of a sub-layer or from none"));
}

TEST_F(RecipeFile, SaysWhyASiteHasNoLongerAnOption) {
  SearchSpace failed = space();
  failed.leave_out(1, 0, "its scale is too large");

  EXPECT_THAT(
      error_of([&] { search::read_recipe(failed, "w2-g32"); }),
      HasSubstr("option 'w2-g32' is not offered by every site: it failed at layers.1.{q_proj,k_proj}: its scale is "
                "too large"));
  EXPECT_THAT(error_of([&] {
                search::read_recipe(failed, write("layers.0.q_proj: w2-g32\n\"layers.1.{q_proj,k_proj}\": w2-g32\n"));
              }),
              HasSubstr("this site has no option 'w2-g32': it failed at layers.1.{q_proj,k_proj}"));
}

TEST_F(RecipeFile, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(error("layers.0.q_prj: w4-g32\n"),
              StartsWith("recipe.yaml:1:1: layers.0.q_prj: unknown key, did you mean 'layers.0.q_proj'?"));
  EXPECT_THAT(error("layers.0.q_proj: w4-g32\n"),
              StartsWith("recipe.yaml:1:1: missing key 'layers.1.{q_proj,k_proj}'"));
  EXPECT_THAT(
      error("layers.0.q_proj: w4-g23\n\"layers.1.{q_proj,k_proj}\": w4-g32\n"),
      StartsWith("recipe.yaml:1:18: layers.0.q_proj: this site has no option 'w4-g23', did you mean 'w4-g32'?"));
  EXPECT_THAT(error_of([] { search::read_recipe(space(), "nowhere.yaml"); }),
              HasSubstr("nowhere.yaml: no such recipe file"));
  EXPECT_THAT(error_of([] { search::read_recipe(space(), std::string(300, 'w')); }), StartsWith("option 'www"))
      << "longer than the name of a file may be";
}

}  // namespace pare::test
