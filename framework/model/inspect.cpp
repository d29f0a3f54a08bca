// SPDX-License-Identifier: Apache-2.0
#include "framework/model/inspect.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "framework/io/checkpoint.hpp"
#include "framework/io/inspect.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/model/model_config.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework {
namespace {

std::string describe_config(const ModelConfig& config) {
  const auto yes_or_no = [](bool flag) { return std::string(flag ? "yes" : "no"); };
  const auto or_none = [](std::int64_t value, std::int64_t none) {
    return value == none ? "none" : fmt::format("{}", value);
  };
  return format_table(
      {{"layers", fmt::format("{}", config.layers)},
       {"hidden", fmt::format("{}", config.hidden)},
       {"intermediate", fmt::format("{}", config.intermediate)},
       {"heads", fmt::format("{} query, {} key and value, {} wide", config.heads, config.kv_heads, config.head_dim)},
       {"vocabulary", fmt::format("{}", config.vocabulary)},
       {"positions", fmt::format("{}", config.max_positions)},
       {"sliding window", or_none(config.sliding_window, 0)},
       {"biases", fmt::format("q, k, v: {}; o: {}; mlp: {}", yes_or_no(config.attention_bias),
                              yes_or_no(config.attention_output_bias), yes_or_no(config.mlp_bias))},
       {"norm of q and k", yes_or_no(config.qk_norm)},
       {"tied embeddings", yes_or_no(config.tied_embeddings)},
       {"begin token", or_none(config.bos_token, -1)}});
}

std::string describe_model(const std::filesystem::path& directory) {
  const ModelConfig config = read_model_config(directory);
  const Checkpoint checkpoint(directory);
  std::vector<std::vector<std::string>> rows;
  std::int64_t weights = 0;
  for (const std::string& name : checkpoint.names()) {
    const TensorInfo& info = checkpoint.at(name).info;
    rows.push_back({printable(name), to_string(info.type), shape_text(info.shape), human_bytes(info.bytes)});
    weights += info.bytes / bytes_of(info.type);
  }
  return fmt::format("{}: {} model, {} weights in {} tensors and {} file{}, {}\n", directory.string(),
                     config.model_type, weights, rows.size(), checkpoint.files().size(),
                     checkpoint.files().size() == 1 ? "" : "s", human_bytes(checkpoint.total_bytes())) +
         describe_config(config) + format_table(rows);
}

bool is_hdf5(const MappedFile& file) {
  constexpr std::string_view signature = "\x89HDF\r\n\x1a\n";
  return file.bytes().size() >= signature.size() &&
         std::memcmp(file.bytes().data(), signature.data(), signature.size()) == 0;
}

/// A length that leaves the first byte of JSON where it must be.
bool is_safetensors(const MappedFile& file) {
  return file.bytes().size() > 8 && file.bytes()[8] == std::byte{'{'};
}

bool is_gguf(const MappedFile& file) {
  return file.bytes().size() >= 4 && std::memcmp(file.bytes().data(), "GGUF", 4) == 0;
}

}  // namespace

std::string inspect(const std::filesystem::path& path) {
  std::error_code error;
  VALIDATE(std::filesystem::exists(path, error), path.string(), ": there is no such file or directory");
  if (std::filesystem::is_directory(path, error)) {
    VALIDATE(std::filesystem::exists(path / "config.json", error), path.string(),
             ": not a model directory (no config.json in it)");
    return describe_model(path);
  }
  const MappedFile file(path);
  if (is_hdf5(file)) return describe_hdf5(path);
  if (is_gguf(file) || path.extension() == ".gguf") return describe_gguf(path);
  if (is_safetensors(file) || path.extension() == ".safetensors") return describe_safetensors(path);
  throw InputError(
      path.string() +
      ": unknown kind of file (known: model directory, .safetensors, .gguf, HDF5 files of tokens, banks and runs)");
}

}  // namespace pare::framework
