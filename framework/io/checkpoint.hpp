// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "framework/io/mapped_file.hpp"
#include "framework/io/safetensors.hpp"

namespace pare::framework {

/// A tensor of a checkpoint: a look at mapped memory that the Checkpoint owns. `bytes` need not be aligned to
/// the element.
struct TensorView {
  const TensorInfo& info;
  std::span<const std::byte> bytes;
  const std::filesystem::path& file;
};

/// The tensors of a Hugging Face model directory, mapped: model.safetensors, or the shards that
/// model.safetensors.index.json names.
///
/// The index decides: tensors of a shard that it does not list are ignored, and every one it lists must be in
/// the shard named. Shard names are plain file names, so that an index cannot reach out of its directory
/// (links inside it, as the Hugging Face cache has them, are the user's own and are followed). Movable;
/// immutable, so safe for any number of threads; views stay valid when it moves. Throws InputError naming
/// file, tensor and what would be right.
class Checkpoint {
 public:
  explicit Checkpoint(const std::filesystem::path& directory);

  const std::filesystem::path& directory() const { return directory_; }
  /// The model.safetensors or the index, for errors about tensors that are in no file.
  const std::filesystem::path& main_file() const { return main_file_; }
  const std::vector<std::filesystem::path>& files() const { return paths_; }

  std::optional<TensorView> find(std::string_view name) const;
  TensorView at(std::string_view name) const;
  std::vector<std::string> names() const;  ///< sorted
  std::int64_t total_bytes() const;        ///< of all tensors

 private:
  struct Entry {
    TensorInfo info;
    std::size_t file;
  };

  void add_single();
  void add_shards();
  std::size_t add_file(const std::filesystem::path& path);

  std::filesystem::path directory_;
  std::filesystem::path main_file_;
  std::vector<std::filesystem::path> paths_;
  std::vector<MappedFile> mapped_;
  std::map<std::string, Entry, std::less<>> tensors_;
};

}  // namespace pare::framework
