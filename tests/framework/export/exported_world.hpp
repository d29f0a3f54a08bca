// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/export/export_model.hpp"
#include "framework/export/verify_export.hpp"
#include "tests/framework/evaluation/small_world.hpp"
#include "tests/framework/model/random_model.hpp"

namespace pare::test {

/// A small model with one option for all layers, to be exported.
class ExportedWorld {
 public:
  explicit ExportedWorld(const std::string& option)
      : world(files_.write(), {option}, kernels::Precision::f32),
        recipe(world.sites.size(), 0),
        layers(framework::export_layers(world.model, world.sites, recipe, &world.bank)) {}

  /// Into a new directory.
  std::filesystem::path write(const framework::ModelFormat& format, const std::string& name = "exported") {
    const std::filesystem::path directory = scratch_ / name;
    std::filesystem::create_directory(directory);
    bytes = framework::export_model(world.model, layers, format, directory, [](std::int64_t, std::int64_t) {});
    return directory;
  }

 private:
  RandomModel files_;
  ScratchDirectory scratch_;

 public:
  SmallWorld world;
  framework::OptionIndices recipe;
  std::vector<framework::ExportLayer> layers;
  framework::ExportedBytes bytes;
};

/// The scores of the recipe on two held-out windows, from the bank.
inline framework::CandidateScores scores_of_recipe(const ExportedWorld& exported) {
  auto evaluator = exported.world.evaluator(kernels::Precision::f32);
  return evaluator.evaluate({&exported.recipe, 1}, exported.world.text.holdout, 0, 2, exported.world.teacher, 3)
      .scores[0];
}

/// Those of what was read back.
inline framework::CandidateScores scores_of_file(const ExportedWorld& exported, const framework::Model& model) {
  return framework::score_model(model, exported.world.text.holdout, exported.world.teacher, {}, [](std::int64_t) {});
}

}  // namespace pare::test
