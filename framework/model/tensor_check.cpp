// SPDX-License-Identifier: Apache-2.0
#include "framework/model/tensor_check.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "framework/config/utf8.hpp"
#include "framework/io/hash.hpp"
#include "framework/io/mapped_file.hpp"
#include "framework/io/tensor_read.hpp"
#include "kernels/core/contract.hpp"

namespace pare::framework::detail {
namespace {

/// Part of a tensor that is checked and hashed while it is in the cache; a multiple of every element size.
constexpr std::size_t part_bytes = std::size_t{256} << 10;

std::string describe(const TensorView& tensor) {
  return tensor.file.string() + ": tensor '" + printable(tensor.info.name) + "'";
}

TensorView find_expected(const Checkpoint& checkpoint, const ModelConfig& config, const ExpectedTensor& expected) {
  const std::string wanted = "config.json makes it " + shape_text(expected.shape) + " (" + config.model_type + ")";
  const auto tensor = checkpoint.find(expected.name);
  VALIDATE(tensor, checkpoint.main_file().string(), ": tensor '", expected.name, "' is missing, ", wanted);
  VALIDATE(tensor->info.shape == expected.shape, describe(*tensor), ": shape ", shape_text(tensor->info.shape), ", ",
           wanted);
  std::string types;
  for (const StoredType type : expected.types) types += (types.empty() ? "" : ", ") + to_string(type);
  VALIDATE(std::find(expected.types.begin(), expected.types.end(), tensor->info.type) != expected.types.end(),
           describe(*tensor), ": dtype ", to_string(tensor->info.type), " is not supported (supported: ", types, ")");
  return *tensor;
}

/// Old checkpoints carry the rotary frequencies, and tied ones may carry the head that is not used.
bool is_known_extra(const std::string& name, const ModelConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tied_embeddings && name == "lm_head.weight");
}

void refuse_extra_tensors(const Checkpoint& checkpoint, const ModelConfig& config,
                          const std::vector<ExpectedTensor>& sorted) {
  for (const std::string& name : checkpoint.names()) {
    if (is_known_extra(name, config)) continue;
    const bool is_expected = std::binary_search(sorted.begin(), sorted.end(), ExpectedTensor{name, {}, {}},
                                                [](const auto& a, const auto& b) { return a.name < b.name; });
    VALIDATE(is_expected, describe(checkpoint.at(name)), " does not belong to a ", config.model_type, " model with ",
             config.layers, " layers as config.json describes it");
  }
}

struct Scan {
  std::string hash;
  std::optional<std::int64_t> bad_index;
};

Scan scan(const TensorView& tensor) {
  Hasher hasher;
  for (std::size_t begin = 0; begin < tensor.bytes.size(); begin += part_bytes) {
    const auto part = tensor.bytes.subspan(begin, std::min(part_bytes, tensor.bytes.size() - begin));
    const auto bad = is_weight_type(tensor.info.type) ? first_not_finite(tensor.info.type, part) : std::nullopt;
    if (bad) {
      return {{}, static_cast<std::int64_t>(begin) / bytes_of(tensor.info.type) + *bad};
    }
    hasher.update(part);
  }
  return {hasher.hex(), std::nullopt};
}

}  // namespace

std::string check_and_hash(const Checkpoint& checkpoint, const ModelConfig& config,
                           std::vector<ExpectedTensor> expected) {
  std::sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<TensorView> tensors;
  for (const ExpectedTensor& tensor : expected) tensors.push_back(find_expected(checkpoint, config, tensor));
  refuse_extra_tensors(checkpoint, config, expected);

  std::vector<Scan> scans(tensors.size());
#pragma omp parallel for schedule(dynamic)
  for (std::size_t i = 0; i < tensors.size(); ++i) scans[i] = scan(tensors[i]);

  Hasher hasher;
  hasher.update(MappedFile(checkpoint.directory() / "config.json").bytes());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorInfo& info = tensors[i].info;
    if (scans[i].bad_index) {
      const std::int64_t index = *scans[i].bad_index;
      float value = 0;
      const auto size = static_cast<std::size_t>(bytes_of(info.type));
      read_tensor(info.type, tensors[i].bytes.subspan(static_cast<std::size_t>(index) * size, size), {&value, 1});
      throw InputError(
          fmt::format("{}: the weight at index {} is {}, should be finite", describe(tensors[i]), index, value));
    }
    hasher.update(fmt::format("\n{} {} {} {}", info.name, to_string(info.type), shape_text(info.shape), scans[i].hash));
  }
  return hasher.hex();
}

}  // namespace pare::framework::detail
