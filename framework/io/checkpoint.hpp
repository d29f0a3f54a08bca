// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "framework/io/mapped_file.hpp"
#include "framework/io/safetensors.hpp"

namespace pare::framework {

/// All tensors of a Hugging Face checkpoint, by name, mapped: model.safetensors, or the shards that model.safetensors.index.json names.
/// Immutable after construction, movable, safe for any number of threads.
class Checkpoint {
 public:
  struct Tensor {
    TensorInfo info;
    std::filesystem::path file;
    std::span<const std::byte> bytes;
  };

  /// Throws InputError naming the file: no checkpoint there, a shard missing or truncated, a tensor that is not in the shard the index
  /// says, an index that names files outside the directory.
  explicit Checkpoint(const std::filesystem::path& directory);

  /// Null when there is no such tensor.
  const Tensor* find(const std::string& name) const;
  const std::map<std::string, Tensor>& tensors() const { return tensors_; }
  std::int64_t total_bytes() const;

 private:
  void add_file(const std::filesystem::path& file);
  void add_shards(const std::filesystem::path& index);

  std::vector<MappedFile> files_;
  std::map<std::string, Tensor> tensors_;
};

}  // namespace pare::framework
