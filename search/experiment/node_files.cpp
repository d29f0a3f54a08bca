// SPDX-License-Identifier: Apache-2.0
#include "search/experiment/node_files.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "framework/comm/node_tree.hpp"
#include "framework/io/hash.hpp"
#include "framework/io/relaying_channel.hpp"
#include "kernels/core/contract.hpp"

namespace pare::search {
namespace {

namespace fs = std::filesystem;

bool makes_copies(const Experiment& experiment, const framework::ProcessGroup& group) {
  if (experiment.distribution != Distribution::automatic) return experiment.distribution == Distribution::always;
  return framework::place_in_tree(group.nodes(), 0).nodes > 1;
}

/// The same for every start of a run, so that a killed run finds what it left behind.
fs::path node_directory(const Experiment& experiment) {
  fs::path place = experiment.node_directory;
  if (place == "$TMPDIR") {
    const char* directory = std::getenv("TMPDIR");
    VALIDATE(directory != nullptr && *directory != '\0', "startup.directory: TMPDIR is not set, name a directory");
    place = directory;
  }
  framework::Hasher hasher;
  hasher.update(experiment.identity + "\n" + fs::absolute(experiment.output).lexically_normal().string());
  return place / fmt::format("pare{}-{}", ::geteuid(), hasher.hex());
}

}  // namespace

NodeFiles::NodeFiles(const Experiment& experiment, framework::ProcessGroup& group,
                     std::function<void(std::size_t)> on_round) {
  if (!makes_copies(experiment, group)) return;
  relay_ = framework::make_root_relay(group, std::move(on_round));
  relay_->open(node_directory(experiment));
}

fs::path NodeFiles::share(const fs::path& file) {
  return relay_ ? relay_->send(file, file.filename().string()) : file;
}

fs::path NodeFiles::share(const framework::Model& model) {
  if (!relay_) return model.directory();
  fs::path directory;
  for (const fs::path& file : model.files())
    directory = relay_->send(file, "model/" + file.filename().string()).parent_path();
  return directory;
}

}  // namespace pare::search
