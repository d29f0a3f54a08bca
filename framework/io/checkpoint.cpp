// SPDX-License-Identifier: Apache-2.0
#include "framework/io/checkpoint.hpp"

#include <algorithm>
#include <utility>

#include "framework/config/near_name.hpp"
#include "framework/config/utf8.hpp"
#include "framework/io/json.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

namespace fs = std::filesystem;

constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";

bool is_plain_file_name(const std::string& name) {
  constexpr std::size_t longest = 255;
  const auto is_odd = [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7f; };
  return name.size() <= longest && std::ranges::none_of(name, is_odd) && name.ends_with(".safetensors");
}

/// Shard -> tensors that the index places there.
std::map<std::string, std::vector<std::string>> read_index(const fs::path& index) {
  const Json document = parse_json_file(index);
  VALIDATE(document.is_object() && document.contains("weight_map") && document["weight_map"].is_object(),
           index.string(), ": no object \"weight_map\", it should map tensor names to file names");
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [tensor, shard] : document["weight_map"].items()) {
    VALIDATE(shard.is_string(), index.string(), ": weight_map: '", printable(tensor), "' should be a file name");
    const std::string name = shard.get<std::string>();
    VALIDATE(is_plain_file_name(name), index.string(), ": weight_map: '", printable(tensor), "': '", printable(name),
             "' is not a plain file name ending in .safetensors");
    shards[name].push_back(tensor);
  }
  VALIDATE(!shards.empty(), index.string(), ": weight_map is empty");
  return shards;
}

}  // namespace

Checkpoint::Checkpoint(const fs::path& directory) : directory_(directory) {
  std::error_code error;
  VALIDATE(fs::is_directory(directory, error), directory.string(), ": is not a directory",
           error ? " (" + error.message() + ")" : std::string(), ", give the directory of a Hugging Face model");
  if (fs::exists(directory / single_name, error)) {
    add_single();
  } else {
    VALIDATE(fs::exists(directory / index_name, error), directory.string(), ": holds neither ", single_name, " nor ",
             index_name);
    add_shards();
  }
}

std::size_t Checkpoint::add_file(const fs::path& path) {
  mapped_.emplace_back(path);
  paths_.push_back(path);
  return mapped_.size() - 1;
}

void Checkpoint::add_single() {
  main_file_ = directory_ / single_name;
  const std::size_t file = add_file(main_file_);
  for (TensorInfo& info : parse_safetensors(mapped_[file].bytes(), main_file_.string()).tensors) {
    std::string name = info.name;
    tensors_.emplace(std::move(name), Entry{std::move(info), file});
  }
}

void Checkpoint::add_shards() {
  main_file_ = directory_ / index_name;
  for (auto& [shard, wanted] : read_index(main_file_)) {
    const fs::path path = directory_ / shard;
    std::error_code error;
    VALIDATE(fs::exists(path, error), path.string(), ": the shard is missing (", index_name, " lists ", wanted.size(),
             " tensors there)");
    const std::size_t file = add_file(path);
    std::sort(wanted.begin(), wanted.end());
    std::size_t found = 0;
    for (TensorInfo& info : parse_safetensors(mapped_[file].bytes(), path.string()).tensors) {
      if (!std::binary_search(wanted.begin(), wanted.end(), info.name)) continue;
      std::string name = info.name;
      tensors_.emplace(std::move(name), Entry{std::move(info), file});
      ++found;
    }
    if (found == wanted.size()) continue;
    for (const std::string& name : wanted) {
      VALIDATE(find(name), path.string(), ": tensor '", printable(name), "' is not there, though ", index_name,
               " says so");
    }
  }
}

std::optional<TensorView> Checkpoint::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return std::nullopt;
  const auto& [info, file] = found->second;
  return TensorView{
      info, mapped_[file].bytes().subspan(static_cast<std::size_t>(info.offset), static_cast<std::size_t>(info.bytes)),
      paths_[file]};
}

TensorView Checkpoint::at(std::string_view name) const {
  if (auto view = find(name)) return *view;
  throw InputError(main_file_.string() + ": tensor '" + printable(name) + "' is missing" + did_you_mean(name, names()));
}

std::vector<std::string> Checkpoint::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : tensors_) names.push_back(name);
  return names;
}

std::int64_t Checkpoint::total_bytes() const {
  std::int64_t bytes = 0;
  for (const auto& [name, entry] : tensors_) bytes += entry.info.bytes;
  return bytes;
}

}  // namespace pare::framework
