// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "framework/export/export_model.hpp"
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

}  // namespace pare::test
