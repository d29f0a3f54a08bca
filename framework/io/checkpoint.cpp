// SPDX-License-Identifier: Apache-2.0
#include "framework/io/checkpoint.hpp"

#include <set>

#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {

namespace fs = std::filesystem;

Checkpoint::Checkpoint(const fs::path& directory) {
  VALIDATE(fs::is_directory(directory), directory.string(), ": no such directory, a Hugging Face checkpoint is a directory with ",
           "config.json and model.safetensors");
  const fs::path single = directory / "model.safetensors";
  const fs::path index = directory / "model.safetensors.index.json";
  if (fs::exists(single)) {
    add_file(single);
  } else {
    VALIDATE(fs::exists(index), directory.string(), ": neither model.safetensors nor model.safetensors.index.json is there");
    add_shards(index);
  }
}

void Checkpoint::add_file(const fs::path& file) {
  const MappedFile& mapped = files_.emplace_back(file);
  for (TensorInfo& info : parse_safetensors(mapped.bytes(), file.string())) {
    const auto bytes = mapped.bytes().subspan(static_cast<std::size_t>(info.offset), static_cast<std::size_t>(info.bytes));
    const std::string name = info.name;
    const bool fresh = tensors_.emplace(name, Tensor{std::move(info), file, bytes}).second;
    VALIDATE(fresh, file.string(), ": tensor '", name, "' is in another shard too");
  }
}

void Checkpoint::add_shards(const fs::path& index) {
  const Json json = parse_json_file(index);
  VALIDATE(json.is_object() && json.contains("weight_map") && json["weight_map"].is_object(), index.string(), ": no weight_map");
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    VALIDATE(shard.is_string(), index.string(), ": weight_map must give a file name for ", tensor);
    const auto name = shard.get<std::string>();
    VALIDATE(!name.empty() && name.find('/') == std::string::npos && name.find('\\') == std::string::npos && name != "..",
             index.string(), ": '", name, "' is not a plain file name beside the index");
    shards.insert(name);
  }
  for (const std::string& shard : shards) {
    const fs::path file = index.parent_path() / shard;
    VALIDATE(fs::exists(file), file.string(), ": this shard of ", index.string(), " is missing");
    add_file(file);
  }
  for (const auto& [tensor, shard] : json["weight_map"].items()) {
    const Tensor* found = find(tensor);
    const fs::path expected = index.parent_path() / shard.get<std::string>();
    VALIDATE(found != nullptr && found->file == expected, expected.string(), ": does not hold tensor '", tensor, "', which ",
             index.string(), " promises");
  }
}

const Checkpoint::Tensor* Checkpoint::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::int64_t Checkpoint::total_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors_) bytes += tensor.info.bytes;
  return bytes;
}

}  // namespace pare::framework
