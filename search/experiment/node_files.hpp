// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include "framework/comm/process_group.hpp"
#include "framework/io/file_relay.hpp"
#include "framework/model/model.hpp"
#include "search/experiment/experiment.hpp"

namespace pare::search {

/// Rank 0: where all ranks find the files that each of them maps. With several nodes (or where the experiment says so)
/// rank 0 reads a file once and every node gets a copy, by way of a tree of one rank a node; so however many ranks there
/// are, one opens the shared file. Copies are removed at the end; this object must outlive the workers.
///
/// Used by the thread that owns the group's lines. Throws InputError naming node and reason when a node cannot hold a
/// copy.
class NodeFiles {
 public:
  /// on_round is called again and again while nodes are waited for, with the chunks that have gone out since.
  NodeFiles(const Experiment& experiment, framework::ProcessGroup& group, std::function<void(std::size_t)> on_round);

  /// Where the ranks open this file: their node's copy, or the file itself.
  std::filesystem::path share(const std::filesystem::path& file);
  /// The same for the directory of a checkpoint: its config.json, weights and index.
  std::filesystem::path share(const framework::Model& model);

 private:
  std::unique_ptr<framework::FileRelay> relay_;  ///< null: no copies
};

}  // namespace pare::search
